// Before anything is drawn: the theme chosen last, if this page may remember one.
try {
  const chosen = localStorage.getItem("npusim-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* a file without storage follows the system */ }
