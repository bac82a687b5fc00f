"""One job in many processes: who they are, what each of them does, and what happens when one fails."""
