"""Areas: the tree of 市 / 县 / 镇街 / 村社 / 网格."""
