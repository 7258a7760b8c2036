"""Turn scores of many kinds into one ranking, under rules that no model can overrule."""
