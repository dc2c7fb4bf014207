"""The exercises and quiz questions of each lesson: `lesson_NN.py` has EXERCISES and QUESTIONS."""
