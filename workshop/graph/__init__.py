"""Product graphs and GraphSAGE: a readable co-purchase graph in OGB's layout, neighbour sampling, training."""
