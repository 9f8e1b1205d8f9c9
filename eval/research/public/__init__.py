"""Public data sets and the exact protocols on which recommenders are compared. See docs/evaluation.md."""
