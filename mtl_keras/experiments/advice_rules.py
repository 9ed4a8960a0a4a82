"""The rules of `mtl-keras advise`: bounds on a few counts. The first rule that applies wins.

Where our own comparison (docs/comparison.md) and a paper differ, the rules follow the comparison.
"""

from mtl_keras.experiments.matching import Bound, Rule

# Every threshold of the rules. The methods are published; the thresholds are our rules of thumb.
FEW, SMALL, MEDIUM, LARGE = 200, 1_000, 3_000, 10_000  # examples of the smallest task
UNEQUAL, VERY_UNEQUAL = 3, 10  # the largest task as a multiple of the smallest
ENOUGH_TO_STOP_BY = 200  # validation examples of every task
OURS = "our rule of thumb"
COMPARISON = "our comparison of plans with 1,000 examples a task, docs/comparison.md"
SOLVED = "linear_probe"  # the plan of solved heads

_OPEN_ENDED = (
    Bound("smallest_task", SMALL),
    Bound("size_ratio", VERY_UNEQUAL),
    Bound("smallest_validation", ENOUGH_TO_STOP_BY),
)

PLAN_RULES = (
    Rule(
        "few examples",
        (Bound("smallest_task", FEW, below=True), Bound("tagging_tasks", 1, below=True)),
        SOLVED,
        "so few examples can fit no more than heads on frozen features; training everything "
        "distorts good features, most of all for inputs unlike these (shown on images)",
        "Kumar et al., 2022, Fine-tuning can distort pretrained features",
    ),
    Rule(
        "words to label",
        (Bound("tagging_tasks", 1), Bound("smallest_task", MEDIUM, below=True)),
        SOLVED,
        "heads solved at the level that suits each task labelled words at least as well as every "
        "plan that trains the encoder, in a fraction of the time; on whole texts training the "
        "encoder gained a few points: if those matter most, compare with lowest_half",
        COMPARISON,
    ),
    Rule(
        "small task",
        (Bound("smallest_task", SMALL, below=True),),
        "heads_then_top:2",
        "training the last fourth of the layers gave 90% of the quality of training all (BERT, "
        "RoBERTa); the lower ones keep what they know. Two blocks are a third of six, a sixth "
        "of twelve",
        "Lee et al., 2019, What would Elsa do? Freezing layers during transformer fine-tuning",
    ),
    Rule(
        "tasks of very different sizes",
        _OPEN_ENDED,
        "plateau",
        "such tasks do not finish at the same time: each stage lasts until validation no "
        "longer improves, as in chain-thaw, instead of for a number of epochs",
        "Felbo et al., 2017, Using millions of emoji occurrences (a stage ends by validation)",
    ),
    Rule(
        "medium task",
        (Bound("smallest_task", MEDIUM, below=True),),
        "lowest_half",
        "as good as training everything, in about half the time; gradual unfreezing was no better "
        "and took longer",
        COMPARISON,
    ),
    Rule(
        "large task",
        (Bound("smallest_task", LARGE, below=True),),
        "lp_ft",
        "everything may train, but only after the heads: the first gradients of random heads "
        "would spoil the encoder. The data sets known for unstable fine-tuning have 2,490 to "
        "8,551 examples (RTE, MRPC, CoLA)",
        "Kumar et al., 2022; Mosbach et al., 2021, On the stability of fine-tuning BERT",
    ),
    Rule(
        "plenty of examples",
        (),
        "full",
        "with so many examples nothing needs protection, and one stage is simplest; "
        "fine-tuning BERT did as well as frozen features, or better, on most tasks",
        "Peters et al., 2019, To tune or not to tune?",
    ),
)

LEVEL_OF_SOLVED = Rule(
    "a level for each task",
    (),
    "auto",
    "a head solved after each block finds, in seconds, the level that suits its task; it differs "
    "between tasks, and words were labelled far better from the middle than from the top",
    COMPARISON,
)
LEVEL_OF_TRAINED = Rule(
    "blocks that train",
    (),
    "last",
    "upper blocks that train adapt to the tasks",
    OURS,
)
EPOCHS_OF_SOLVED = Rule(
    "heads are solved",
    (),
    "1",
    "a solved head takes no epochs; one is written for it",
    "convex optimisation: a solved head is at its optimum (docs/heads.md)",
)

SCHEDULE_RULES = (
    Rule(
        "tasks of similar size",
        (Bound("size_ratio", UNEQUAL, below=True),),
        "proportional",
        "every example is seen once per epoch, and no task drowns the others",
        OURS,
    ),
    Rule(
        "tasks of unequal size",
        (Bound("size_ratio", VERY_UNEQUAL, below=True),),
        "temperature:2",
        "samples by the square root of the sizes: small tasks come more often than their share, "
        "the largest still most often",
        "Stickland & Murray, 2019, BERT and PALs (square root sampling)",
    ),
    Rule(
        "very unequal, epochs not known ahead",
        _OPEN_ENDED,
        "temperature:5",
        "nearly even shares throughout; a stage of plateau has no fixed number of epochs, so "
        "there is nothing to anneal over",
        "Arivazhagan et al., 2019, Massively multilingual neural machine translation in the wild",
    ),
    Rule(
        "very unequal",
        (),
        "annealed",
        "favours the large task first, for the encoder; the shares are nearly even at the end, so "
        "that the small tasks are not forgotten",
        "Stickland & Murray, 2019, BERT and PALs",
    ),
)

EPOCH_RULES = (
    Rule(
        "epochs not known ahead",
        _OPEN_ENDED,
        "5",
        "the most that a stage of plateau takes; validation usually ends it earlier",
        OURS,
    ),
    Rule(
        "few steps an epoch",
        (Bound("smallest_task", SMALL, below=True),),
        "20",
        "training on small data sets became stable when it lasted longer",
        "Mosbach et al., 2021, On the stability of fine-tuning BERT (20 epochs)",
    ),
    Rule(
        "in between",
        (Bound("smallest_task", LARGE, below=True),),
        "10",
        "between the other two",
        OURS,
    ),
    Rule(
        "many steps an epoch",
        (),
        "3",
        "2 to 4 epochs worked well on all tasks in the paper",
        "Devlin et al., 2019, BERT",
    ),
)
