"""Icarus reads the files with $readmemh and finds what is expected: RTL can use them as they are."""

from __future__ import annotations

import subprocess
from pathlib import Path
from string import Template

import pytest

from npusim.steps.mac import MacOperation
from npusim.vectors import write_vectors
from npusim.vectors.manifest import StepVectors
from tests.tools import require_tool, run_tool
from tests.vectors.programs import WES, codes, mac, one_mac

BENCH = Template("""\
// One MAC column and the rescale of wes_npu (W2-W4), fed from the vector files.
module bench;
    localparam PIXELS = $pixels, COLUMNS = $columns, BEATS = $beats, LANES = $lanes, CHANNELS = $channels;
$memories
    integer pixel, channel, beat, lane, word, checks, errors;
    reg signed [63:0] sum, beat_sum;
    reg signed [7:0] x, w;
    reg signed [127:0] scaled;
    integer total;

    initial begin
$reads
        checks = 0;
        errors = 0;
        for (pixel = 0; pixel < PIXELS; pixel = pixel + 1)
            for (channel = 0; channel < CHANNELS; channel = channel + 1) begin
                sum = bias[channel];
                for (beat = 0; beat < BEATS; beat = beat + 1) begin
                    beat_sum = 0;
                    word = (pixel * COLUMNS + channel / (CHANNELS / COLUMNS)) * BEATS + beat;
                    for (lane = 0; lane < LANES; lane = lane + 1) begin
                        x = activations[word][8 * lane +: 8];
                        w = weights[channel * BEATS + beat][8 * lane +: 8];
                        beat_sum = beat_sum + x * w;
                    end
                    sum = sum + beat_sum;
                    if (sum > 64'sd2147483647) sum = 64'sd2147483647;
                    if (sum < -64'sd2147483648) sum = -64'sd2147483648;
                end
                total = field_shift[channel] + field_inverse_shift[channel];
                scaled = sum;
                scaled = scaled * $$signed({1'b0, field_multiplier[channel]});
                if (total > 0) scaled = (scaled + (128'sd1 << (total - 1))) >>> total;
                scaled = scaled + field_y_zero[channel];
                if (scaled < field_low[channel]) scaled = field_low[channel];
                if (scaled > field_high[channel]) scaled = field_high[channel];
                word = pixel * CHANNELS + channel;
                checks = checks + 2;
                if (sum[31:0] !== expected_accumulators[word]) errors = errors + 1;
                if (scaled[7:0] !== expected_outputs[word]) errors = errors + 1;
            end
        $$display("%0d checks, %0d errors", checks, errors);
        $$finish;
    end
endmodule
""")


def write_bench(entry: StepVectors, folder: Path) -> None:
    """Memories exactly as deep and wide as the manifest says."""
    assert entry.beats is not None
    sign = {True: "signed", False: "unsigned"}
    memories = [
        f"    reg {sign[file.signed]} [{file.word_bits - 1}:0] {file.name} [0:{file.words - 1}];"
        for file in entry.files
    ]
    reads = [f'        $readmemh("{file.path}", {file.name});' for file in entry.files]
    channels = entry.output.shape[-1]
    words = {file.name: file.words for file in entry.files}
    text = BENCH.substitute(
        pixels=words["expected_outputs"] // channels,
        columns=entry.beats.columns,
        beats=entry.beats.beats,
        lanes=entry.beats.lanes,
        channels=channels,
        memories="\n".join(memories),
        reads="\n".join(reads),
    )
    (folder / "bench.sv").write_text(text)


def simulate(folder: Path) -> str:
    run_tool([require_tool("iverilog"), "-g2012", "-Wall", "-o", "bench.vvp", "bench.sv"], folder)
    done = subprocess.run(
        [require_tool("vvp"), "-n", "bench.vvp"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("operation", "weights", "x"),
    [
        (MacOperation.CONV2D, (4, 3, 3, 18), (4, 5, 18)),
        (MacOperation.DEPTHWISE_CONV2D, (6, 3, 3, 1), (5, 4, 3)),
        (MacOperation.DENSE, (7, 37), (37,)),
    ],
)
def test_a_bench_agrees_with_every_word(
    tmp_path: Path, operation: MacOperation, weights: tuple[int, ...], x: tuple[int, ...]
) -> None:
    require_tool("iverilog")
    program = one_mac(mac("unit", "x", "y", operation, weights), WES, x)
    made = write_vectors(program, codes(2, program), tmp_path, images=2)
    (entry,) = made.steps
    write_bench(entry, tmp_path)
    pixels = 2 * (1 if len(x) == 1 else x[0] * x[1])
    assert simulate(tmp_path) == f"{2 * pixels * weights[0]} checks, 0 errors\n"
    for name in ("activations", "weights", "field_inverse_shift", "expected_accumulators"):
        file = tmp_path / next(file.path for file in entry.files if file.name == name)
        whole = file.read_text()
        digit = "0" if whole[-2] != "0" else "1"
        file.write_text(f"{whole[:-2]}{digit}\n")
        assert " 0 errors" not in simulate(tmp_path), name
        file.write_text(whole)


def test_a_short_file_is_a_warning_and_an_error(tmp_path: Path) -> None:
    require_tool("iverilog")
    program = one_mac(mac("unit", "x", "y", MacOperation.DENSE, (3, 20)), WES, (20,))
    made = write_vectors(program, codes(1, program), tmp_path)
    write_bench(made.steps[0], tmp_path)
    file = tmp_path / "0_unit" / "expected_outputs.hex"
    file.write_text("\n".join(file.read_text().splitlines()[:-1]) + "\n")
    said = simulate(tmp_path)
    assert "Not enough words" in said
    assert "6 checks, 1 errors" in said
