"""Damaged, hostile and unsupported files: one clear error, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.importers import import_network
from npusim.reference import run
from tests.importers.models import Model, need, session_outputs


def small(opset: int = 17) -> Model:
    model = Model(opset, x=(1, 3, 6, 5))
    x = model.add("Relu", model.add("Conv", "x", model.weights(4, 3, 3, 3), model.weights(4)))
    x = model.add("Reshape", x, model.integers(0, -1))
    model.add("Gemm", x, model.weights(48, 2))
    return model


def complaint(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        import_network(path)
    assert caught.value.file == str(path)
    return caught.value


def test_no_file_and_no_model(tmp_path: Path) -> None:
    assert "no such file" in str(complaint(tmp_path / "none.onnx"))
    for content in (b"", b"# a text\n", bytes(1000), b"\x89HDF\r\n\x1a\n"):
        path = tmp_path / "model.onnx"
        path.write_bytes(content)
        complaint(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_files(tmp_path: Path, data: st.DataObject) -> None:
    path = small().save(tmp_path, "t3_0")
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        network = import_network(path)
    except InputError:
        return
    assert network.outputs  # the damage hit a weight or a name


@pytest.mark.parametrize("opset", [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21])
def test_operator_sets(opset: int, tmp_path: Path) -> None:
    model = small(opset)
    network = import_network(model.save(tmp_path, "t3_0"))
    x = model.inputs_for()["x"]
    wanted = session_outputs(model.proto("t3_0"), {"x": x})["t3_0"]
    assert np.allclose(run(network, np.moveaxis(x, 1, -1))["t3_0"], wanted, atol=1e-5)


@pytest.mark.parametrize("opset", [10, 22])
def test_operator_sets_that_are_not_supported(opset: int, tmp_path: Path) -> None:
    error = complaint(small(opset).save(tmp_path, "t3_0"))
    assert error.found == [opset]
    assert "11..21" in str(error)


def changed(
    folder: Path, change: Callable[[Any], object], model: Model | None = None, output: str = "t3_0"
) -> Path:
    proto = (model or small()).proto(output)
    change(proto)
    path = folder / "changed.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def _grow(proto: Any) -> None:
    proto.graph.initializer[0].dims[0] = 1 << 40


def _cycle(proto: Any) -> None:
    proto.graph.node[0].input[0] = "t3_0"


def _twice(proto: Any) -> None:
    proto.graph.node[1].output[0] = "t0_0"


def _nan(proto: Any) -> None:
    tensor = proto.graph.initializer[0]
    tensor.raw_data = np.full(tensor.dims, np.nan, np.float32).tobytes()


def _open_rows(proto: Any) -> None:
    proto.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "rows"


def _zero_input(proto: Any) -> None:
    proto.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 0


def _foreign(proto: Any) -> None:
    proto.graph.node[0].domain = "com.microsoft"


def _group(proto: Any) -> None:
    proto.graph.node[0].attribute.append(need("onnx").helper.make_attribute("group", 0))


def _stride(proto: Any) -> None:
    proto.graph.node[0].attribute.append(need("onnx").helper.make_attribute("strides", [0, 1]))


def _text_stride(proto: Any) -> None:
    proto.graph.node[0].attribute.append(need("onnx").helper.make_attribute("strides", "wide"))


def _missing(proto: Any) -> None:
    del proto.graph.node[0].input[1:]


HOSTILE: dict[Callable[[Any], None], str] = {
    _grow: "damaged",
    _cycle: "before it is read",
    _twice: "made twice",
    _nan: "not finite",
    _open_rows: "only the batch may be left open",
    _zero_input: "only the batch may be left open",
    _foreign: "another operator set",
    _group: "weights do not fit",
    _stride: "strides",
    _text_stride: "strides",
    _missing: "input 1 is missing",
}


@pytest.mark.parametrize("change", HOSTILE, ids=lambda change: change.__name__)
def test_hostile_models(change: Callable[[Any], None], tmp_path: Path) -> None:
    assert HOSTILE[change] in str(complaint(changed(tmp_path, change)))


def test_an_unsupported_operation_is_named_with_its_node(tmp_path: Path) -> None:
    model = Model(x=(1, 3))
    made = model.add("Sin", "x", name="wave")
    text = str(complaint(model.save(tmp_path, made)))
    assert "node wave (Sin)" in text
    assert "would need a layer and a converter" in text


def test_constants_cannot_fill_the_memory(tmp_path: Path) -> None:
    model = Model(x=(1, 3))
    huge = model.add("ConstantOfShape", model.integers(1 << 20, 1 << 20))
    made = model.add("Add", "x", huge)
    assert "too large" in str(complaint(model.save(tmp_path, made)))


def external(folder: Path, location: str, length: int | None = None) -> Path:
    kind = need("onnx").TensorProto

    def move(proto: Any) -> None:
        tensor = proto.graph.initializer[0]
        (folder / "weights.bin").write_bytes(bytes(16) + tensor.raw_data)
        entries = {"location": location, "offset": "16", "length": str(length or len(tensor.raw_data))}
        tensor.ClearField("raw_data")
        tensor.data_location = kind.EXTERNAL
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=value)

    return changed(folder, move)


def test_external_weights(tmp_path: Path) -> None:
    inside = import_network(external(tmp_path, "weights.bin"))
    whole = import_network(small().save(tmp_path, "t3_0"))
    assert np.array_equal(inside.layers[0].weights, whole.layers[0].weights)


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/hostname", "", "a/../../weights.bin"])
def test_external_weights_stay_in_the_folder(location: str, tmp_path: Path) -> None:
    assert "outside" in str(complaint(external(tmp_path, location)))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(1000))
    (folder / "link").symlink_to(tmp_path / "secret")
    assert "outside" in str(complaint(external(folder, "link")))


def test_external_weights_that_are_missing_or_short(tmp_path: Path) -> None:
    assert "missing" in str(complaint(external(tmp_path, "none.bin")))
    assert "too short" in str(complaint(external(tmp_path, "weights.bin", length=10_000)))
    assert "damaged" in str(complaint(external(tmp_path, "weights.bin", length=8)))


def test_without_the_onnx_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small().save(tmp_path, "t3_0")
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert "pip install 'npusim[onnx]'" in str(complaint(path))


def test_preprocess_and_name(tmp_path: Path) -> None:
    path = small().save(tmp_path, "t3_0")
    network = import_network(path, name="mine", mean=(1, 2, 3), std=127.5, channel_order="bgr")
    assert network.name == "mine"
    assert network.preprocess is not None
    assert (network.preprocess.mean, network.preprocess.std) == ((1, 2, 3), (127.5,))
    assert network.preprocess.channel_order == "bgr"
    for wrong in ({"std": 0.0}, {"mean": float("nan")}, {"channel_order": "rbg"}, {"name": "a b"}):
        with pytest.raises(InputError):
            import_network(path, **wrong)  # type: ignore[arg-type]


def test_a_network_survives_its_file(tmp_path: Path) -> None:
    from npusim.network import load_network

    network = import_network(small().save(tmp_path, "t3_0"))
    network.save(tmp_path / "net.yaml")
    x = np.ones((1, 6, 5, 3), np.float32)
    assert np.array_equal(run(load_network(tmp_path / "net.yaml"), x)["t3_0"], run(network, x)["t3_0"])
