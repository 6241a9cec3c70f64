"""Operations that hand numbers on without computing with them, by what stays the same.

Each name has one meaning; what a rule or a fact counts as well stands where it is used.
"""

UNCHANGED = ("cast", "convert_to_tensor", "identity")  # the same numbers in the same places, perhaps of another dtype
RESHAPES = ("reshape", "squeeze", "expand_dims", "flatten", "ravel", "batch_flatten")  # the same in the same order
SAME_NUMBERS = (*UNCHANGED, *RESHAPES)  # all of them and no others, in the same order
MAKES_TENSOR = ("constant", "cast", "convert_to_tensor")  # of a number or list that is written down
TRANSPOSES = ("transpose", "matrix_transpose", "swapaxes")
