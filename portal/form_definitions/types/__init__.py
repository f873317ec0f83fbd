"""The types of question: how an answer is read, shown and drawn."""
