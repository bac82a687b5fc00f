"""What an expert looks at: heatmaps, spectra against photographs, the residual, all on one evidence sheet."""
