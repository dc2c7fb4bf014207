"""Exercises and quiz questions of lesson 14."""

import numpy as np

import tapelab as tf
from tapelab.check import Exercise, Question


def _parts():
    return [
        [(np.array([6.0, -3.0]), 3), (np.array([10.0, 1.0]), 1)],
        [(np.array([2.0, 2.0]), 2), (np.array([4.0, 0.0]), 2)],
        [(np.array([1.0, 8.0]), 4), (np.array([0.0, 3.0]), 1), (np.array([9.0, 9.0]), 20)],
    ]


_LIMIT = 1.5


def _mean(parts):
    return sum(total for total, _ in parts) / sum(count for _, count in parts)


def _mean_of_means(parts):
    return sum(total / count for total, count in parts) / len(parts)


def _clip(gradient, limit):
    return tf.clip_by_norm(tf.constant(gradient), limit).numpy()


def _clipped_first(parts, limit):
    count = sum(n for _, n in parts)
    return sum(_clip(total / n, limit) * n for total, n in parts) / count


def _clipped_sum(parts, limit):
    return _clip(sum(total for total, _ in parts), limit) / sum(n for _, n in parts)


def _fastest(step_time):
    return lambda compute, fixed, each: min(
        range(1, 101), key=lambda w: step_time(compute, fixed, each, w)
    )


EXERCISES = [
    Exercise(
        "14.1",
        hint="How large is the sum of the 30 gradients, and of the 10? Add the two sums, then "
        "divide by 40.",
        insight="(30 · 2 + 10 · 6) / 40: each worker's mean counts as often as it has examples.",
        solution=lambda: 3.0,
        mistakes={
            "That is the mean of the two means. The first worker has three times as many "
            "examples.": lambda: 4.0,
            "That adds two means. The gradient of the batch is a mean, too.": lambda: 8.0,
            "The weights are the wrong way round: 30 examples have the mean 2.": lambda: 5.0,
            "That is the sum over all examples. Divide it by their number.": lambda: 120.0,
        },
    ),
    Exercise(
        "14.2",
        hint="Add up the sums, add up the counts, and divide once, at the end.",
        insight="Sums and counts can be added in any order and in any tree; means cannot.",
        solution=lambda: _mean,
        mistakes={
            "That is the mean of means: right only when all counts are equal.": lambda: (
                _mean_of_means
            ),
            "You divided by the number of workers. Divide by the number of examples.": lambda: (
                lambda parts: sum(total for total, _ in parts) / len(parts)
            ),
            "That is the sum. Divide it by the number of examples.": lambda: (
                lambda parts: sum(total for total, _ in parts)
            ),
        },
        cases=lambda: [(parts,) for parts in _parts()],
    ),
    Exercise(
        "14.3",
        hint="First the mean over all examples, as in the exercise before; then clip that, once.",
        insight="Clipping is not a sum, so it cannot be cut into shards: it comes after the mean.",
        solution=lambda: lambda parts, limit: _clip(_mean(parts), limit),
        mistakes={
            "You clipped each worker's gradient before adding. One machine would clip once, "
            "after.": lambda: _clipped_first,
            "You clipped the sum. Its norm grows with the number of examples: clip the "
            "mean.": lambda: _clipped_sum,
            "The gradient is not clipped.": lambda: lambda parts, limit: _mean(parts),
            "You clipped the mean of means.": lambda: (
                lambda parts, limit: _clip(_mean_of_means(parts), limit)
            ),
        },
        cases=lambda: [(parts, _LIMIT) for parts in _parts()],
    ),
    Exercise(
        "14.4",
        hint="Compute compute / w + fixed + each * w for w = 1, 2, ..., 100, and return the w with "
        "the smallest result: min(range(1, 101), key=...).",
        insight="More workers shorten only the first term. Where one more costs as much as it "
        "saves, stop; sometimes that is at 1.",
        solution=lambda: _fastest(lambda c, f, e, w: c / w + f + e * w),
        mistakes={
            "That is the time of the best step. Return the number of workers.": lambda: (
                lambda c, f, e: min(c / w + f + e * w for w in range(1, 101))
            ),
            "More is not always better: each worker costs time, too.": lambda: lambda c, f, e: 100,
            "One worker is not always best: it computes everything by itself.": lambda: (
                lambda c, f, e: 1
            ),
            "You charged the fixed time once for each worker. It is paid once a step.": lambda: (
                _fastest(lambda c, f, e, w: c / w + (f + e) * w)
            ),
        },
        cases=lambda: [
            (400.0, 20.0, 1.0), (5.0, 20.0, 10.0), (90.0, 30.0, 2.5),
            (6.1, 20.0, 1.0), (5.0, 20.0, 1.0), (50000.0, 20.0, 1.0), (0.1, 20.0, 1.0),
        ],
    ),
]

QUESTIONS = [
    Question(
        "14.q1",
        "A worker dies after its part was added, but before the update. What must happen?",
        choices={
            "The part is subtracted again": "Nothing is wrong with the part. It does not matter "
            "who computed it.",
            "The step goes on, or is repeated as a whole": "A step's result depends on weights "
            "and rows alone, so a repetition gives the same number, and the update happens once.",
            "The batch continues without its examples": "Then the mean would be over other "
            "examples than on one machine, and nobody would notice.",
        },
        answer="The step goes on, or is repeated as a whole",
    ),
    Question(
        "14.q2",
        "A step takes 4 ms on your laptop. You rent a hundred machines. What do you expect?",
        choices={
            "0.04 ms": "Only if telling a hundred machines what to do took no time at all.",
            "About 4 ms, and a bill": "The messages of one step alone take longer than 4 ms.",
            "A slower step": "Weights go out and gradients come back in every step, and that takes "
            "longer than the 4 ms of computing it could save.",
        },
        answer="A slower step",
    ),
    Question(
        "14.q3",
        "Which of these can be computed shard by shard and then simply added?",
        choices={
            "The sum of squared errors": "A sum over examples can be cut anywhere, and so can its "
            "gradient.",
            "The norm of the gradient": "Two arrows of length 3 and 4 can add up to any length "
            "from 1 to 7.",
            "The median of the errors": "The median of two medians is not the median of all.",
        },
        answer="The sum of squared errors",
    ),
]
