"""Training: one trainer for every model, its data, averages, checkpoints, alarms and logs."""
