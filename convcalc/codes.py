"""Every code of an error, in one table.

A code is stable: scripts and editors may depend on it. docs/errors.md follows the table.
"""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """What a code says.

    status   the exit status where a mistake in a spec has it: 0 a note, 1 wrong, 2 unusable;
             whatever is wrong with an option, convcalc.yaml, the lock or a device has status 2
    meaning  one line
    root     whether other mistakes of the same layer may follow from it: then it is reported alone
    warning  of a note, whether `check` warns of it
    """

    status: int
    meaning: str
    root: bool = False
    warning: bool = True


CODES: dict[str, Code] = {
    # The text.
    "file-too-large": Code(1, "the text is longer than any spec"),
    "not-a-spec": Code(1, "a file that nobody named holds none of the language's keys"),
    "outside-root": Code(2, "a file is named that lies outside of the project's root"),
    "yaml-syntax": Code(1, "the text is not YAML"),
    "yaml-alias": Code(1, "an alias of YAML, which is not part of the language"),
    "yaml-anchor": Code(1, "an anchor of YAML, which is not part of the language"),
    "yaml-key": Code(1, "a key is a list or a mapping"),
    "yaml-merge-key": Code(1, "a merge key of YAML, which is not part of the language"),
    "yaml-second-document": Code(1, "the text holds a second YAML document"),
    "yaml-tag": Code(1, "a tag of YAML, which is not part of the language"),
    "duplicate-key": Code(1, "a key, a block or an argument is written twice"),
    "nesting-too-deep": Code(1, "lists, blocks or groups are nested too deep"),
    # The document.
    "empty-spec": Code(1, "the file holds nothing"),
    "bad-spec": Code(1, "the file is not a mapping"),
    "missing-key": Code(1, "a required key is missing"),
    "unknown-key": Code(1, "a key has no meaning where it stands"),
    "bad-value": Code(1, "a value is not one that its key or argument takes"),
    "missing-value": Code(1, "a key has no value, or a list an empty item"),
    "bad-name": Code(1, "a name has characters that names cannot have"),
    "taken-name": Code(1, "a name has a meaning already"),
    "duplicate-name": Code(1, "a name is given twice"),
    "bad-signature": Code(1, "a block's signature cannot be read"),
    "extends-loop": Code(1, "files extend each other in a circle, or too many are read"),
    "extends-not-found": Code(2, "the file that is extended cannot be opened"),
    "block-not-found": Code(2, "the file of a network that is a block cannot be opened"),
    "unknown-argument": Code(1, "the file has no argument of this name"),
    # Layers.
    "unknown-kind": Code(1, "a word names no kind and no block"),
    "foreign-name": Code(1, "a name of another library", root=True),
    "missing-space": Code(1, "a space is missing after a colon", root=True),
    "unquoted-expression": Code(1, "an expression with a comma needs quotes", root=True),
    "no-kind": Code(1, "no key of a layer names a kind or block"),
    "two-kinds": Code(1, "two keys of a layer name a kind or block"),
    "missing-argument": Code(1, "a required argument is missing"),
    "block-recursion": Code(1, "a block or a network contains itself"),
    "bad-branch": Code(1, "a branch of a join is not written as one"),
    "no-branches": Code(1, "every branch of a join is left out"),
    "branch-count": Code(1, "a join takes another number of branches"),
    "no-layers": Code(1, "every layer of the network is left out"),
    "unknown-layer": Code(1, "no earlier layer has this name"),
    "no-input": Code(1, "no value enters a layer"),
    "unused-value": Code(1, "a value is neither used nor a result"),
    "too-many-layers": Code(1, "the network would have too many layers"),
    "too-many-tensors": Code(1, "very many tensors are alive at once"),
    "too-many-fields": Code(1, "layers have too many receptive fields on too many inputs"),
    "too-many-steps": Code(1, "a file takes too many steps to read"),
    # Expressions.
    "bad-expression": Code(1, "an expression cannot be read or has no value"),
    "bad-number": Code(1, "a number cannot be read"),
    "expression-too-long": Code(1, "an expression has too many parts"),
    "list-too-long": Code(1, "a list has too many items"),
    "number-too-large": Code(1, "an intermediate number is too large"),
    "unknown-function": Code(1, "there is no function of this name"),
    "unknown-name": Code(1, "a name has no value where it stands"),
    # Shapes.
    "bad-axis": Code(1, "an axis is none of those that the input has"),
    "bad-input": Code(1, "an input's shape or values do not fit"),
    "bad-order": Code(1, "an order of axes does not list each axis once"),
    "broadcast-mismatch": Code(1, "a value cannot be repeated to a shape"),
    "crop-too-large": Code(1, "cropping leaves nothing"),
    "index-out-of-range": Code(1, "a position is picked that an axis does not have"),
    "groups-mismatch": Code(1, "channels cannot be split into equal groups"),
    "heads-mismatch": Code(1, "channels cannot be split into the heads of an attention"),
    "join-mismatch": Code(1, "the branches of a join have shapes that do not fit"),
    "output-padding-too-large": Code(1, "output_padding reaches the stride and the dilation"),
    "padding-too-large": Code(1, "a window may lie on padding alone"),
    "reshape-mismatch": Code(1, "a reshape changes the number of values"),
    "share-mismatch": Code(1, "layers that share parameters differ in kind or sizes"),
    "size-too-large": Code(1, "a size is above the largest that is allowed"),
    "slice-out-of-range": Code(1, "a slice goes beyond the channels"),
    "unpool-mismatch": Code(1, "an unpool and its maxpool do not fit each other"),
    "upsample-size": Code(1, "upsample has neither or both of factor and size, or leaves nothing"),
    "window-mismatch": Code(1, "windows do not tile an axis, or do not fit other arguments"),
    "window-too-large": Code(1, "a window does not fit its padded input"),
    "wrong-rank": Code(1, "an input or a list has another number of axes than is needed"),
    # Notes: what is read otherwise than it may be meant, or is left out.
    "input-batch-axis": Code(0, "an input may be written with its batch axis"),
    "input-channels-last": Code(0, "an input may be written with its channels last"),
    "layers-replaced": Code(0, "layers replace those of the extended file, and use nothing of it"),
    "unused-layers": Code(
        0, "nothing uses some layers of a network that is a block", warning=False
    ),
    "assumed-scale": Code(0, "no scale of a file with several is named"),
    "input-no-channels": Code(0, "an input may be written without its channels"),
    # Quantities, limits and expectations.
    "bad-quantity": Code(1, "a quantity cannot be read"),
    "bad-unit": Code(1, "the unit of a quantity is unknown or unclear"),
    "ambiguous-flops": Code(1, "a limit on FLOPs does not say as whom it counts"),
    "unknown-convention": Code(1, "no counter has this name"),
    "unknown-dtype": Code(1, "no type of numbers has this name"),
    "unknown-metric": Code(1, "no metric has this name"),
    "expectation": Code(1, "an expectation of the spec does not hold"),
    "over-budget": Code(1, "a limit of a budget is not kept"),
    "over-warning": Code(1, "a limit that only warns is not kept"),
    "growth": Code(1, "a total grew by more than is allowed"),
    "fail-on": Code(1, "a limit of --fail-on is not kept"),
    "no-such-layer": Code(1, "a limit is about a layer that is not there"),
    "other-dtype": Code(1, "bytes are locked for another type of numbers"),
    "too-many-patterns": Code(1, "limits compare the names of layers with too many patterns"),
    "too-many-networks": Code(2, "convcalc.yaml or the lock lists too many networks"),
    "too-many-files": Code(2, "folders and globs go through too many files"),
    "too-many-variants": Code(2, "an entry of convcalc.yaml asks for too many combinations"),
    # Model files.
    "bad-model": Code(2, "a model file is damaged"),
    "unsupported-model": Code(2, "a model file is whole, but cannot be read"),
    "unknown-dimension": Code(2, "a model file leaves a size open that is needed"),
    "model-differs": Code(1, "a network is not that of the model which it describes"),
    # The lock.
    "bad-lock": Code(2, "the lock cannot be read"),
    "lock-conflict": Code(2, "the lock holds a merge that is not finished"),
    "lock-duplicate": Code(2, "a network, layer or total is locked twice"),
    "lock-too-long": Code(2, "the lock has too many lines"),
    "lock-version": Code(2, "the lock is of another version"),
    "no-lock": Code(2, "there is no lock to compare with"),
    "stale-lock": Code(1, "a network is not as the lock says"),
    # What cannot be counted.
    "no-backward-rule": Code(1, "a kind has no rule for the backward pass"),
    "unknown-cost": Code(1, "the cost of an operation is unknown, and so are the network's totals"),
    "no-rule": Code(1, "a counter has no rule for a kind"),
    # Runs.
    "shape-differs": Code(1, "an observed shape is not the predicted one"),
    "no-kernel": Code(2, "it is unknown what an operation computes, so it cannot run"),
    "no-memory": Code(2, "a run needs more memory than there is"),
    "bad-array-file": Code(2, "a file of arrays cannot be read"),
    "bad-dtype": Code(2, "a network does not run in this type of numbers"),
    "bad-weights": Code(2, "weights do not fit the network"),
    "cannot-write": Code(2, "a file cannot be written"),
    "no-such-file": Code(2, "a file of arrays is not there"),
    # Other formats.
    "no-counterpart": Code(1, "a layer has no counterpart in the format that is written"),
    # Usage.
    "bad-option": Code(2, "an option's value is not one that it takes"),
    "bad-revision": Code(2, "git has no such revision, or is not there"),
    "bad-device": Code(2, "a device is not described as one"),
    "no-files": Code(2, "no file is named, and there is no convcalc.yaml"),
    "no-match": Code(2, "a file, folder or glob stands for nothing"),
    "unknown-device": Code(2, "no device of this name ships with convcalc"),
    "unknown-input": Code(2, "the network has no input of this name"),
    "unknown-network": Code(2, "no network of this name ships with convcalc"),
    "unknown-optimizer": Code(2, "no optimizer has this name"),
    "unusable-file": Code(2, "a file cannot be opened or decoded"),
    "excluded": Code(1, "a condition of a space excludes the point"),
    "bad-progress": Code(2, "the progress of a file of results cannot be read"),
    "file-exists": Code(2, "a file of results is there already"),
    "too-many-points": Code(2, "a space has too many points"),
    "internal": Code(3, "a mistake in convcalc itself"),
}


def is_root_cause(code: str) -> bool:
    """Whether other mistakes of the same layer may follow from one with this code."""
    return CODES[code].root
