// Says, before anything is drawn, that script runs: styles hide what only pages without script need.
document.documentElement.classList.add("js");
