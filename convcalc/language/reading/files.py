"""The files that a spec leads to: those that it extends, and the networks that are its blocks."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable

from convcalc.language.reading.document import (
    Block,
    Document,
    Entry,
    Parameter,
    Replaced,
    check_names,
    merge,
    own_document,
    position,
)
from convcalc.language.reading.nodes import MOST_PROBLEMS, ListNode, MapNode, ScalarNode
from convcalc.language.shipped import is_word, shipped_names, shipped_path
from convcalc.layers import KINDS, NORM_WORDS
from convcalc.problems import (
    UNUSABLE,
    ConvcalcError,
    Help,
    Problem,
    Reason,
    Related,
    Rule,
    Source,
    Span,
    facts_of,
    listed,
    printable,
)
from convcalc.roots import current_access

#: Files that extend files that extend files..., or that have blocks in files in files...
LONGEST_CHAIN = 20
#: Files that one spec leads to, itself among them.
MOST_FILES = 100

#: Opens a file that another one names: a path to a Source. Raises ConvcalcError.
Opener = Callable[[str], Source]
#: Whether there is a file of this path, so that a word is no shipped network's name.
Exists = Callable[[str], bool]

_WORD = re.compile(r"\w+")


def read_document(source: Source, opener: Opener, exists: Exists = os.path.isfile) -> Document:
    """Reads a spec and everything that it leads to; raises ConvcalcError."""
    reader = _Reader(opener, exists, len(source.text))
    document = reader.document(source, (os.path.normpath(source.path),))
    document.bases, document.used = reader.named, reader.used
    return document


class _Reader:
    """Reads files, each once.

    named  those that were read so far because another one names them, and where it does
    used   the files of networks that are blocks
    """

    def __init__(self, opener: Opener, exists: Exists, length: int) -> None:
        self._opener = opener
        self._exists = exists
        self.named: dict[Source, Span] = {}
        self.used: set[Source] = set()
        self._networks: dict[str, Document] = {}
        #: Characters and files that were read.
        self._length = length
        self._files = 1

    def document(self, source: Source, users: tuple[str, ...]) -> Document:
        """A spec, with all that it extends merged in and the networks that its blocks are.

        `users` are the paths of the files in whose blocks it stands, and its own.
        """
        documents = self._chain(source)
        merged = documents[0]
        if len(documents) > 1:
            _check_inherited_args(documents)
            merged.replaced = self._replaced(documents)
        for base in documents[1:]:
            merge(merged, base)
        check_names(merged)
        for block in merged.blocks.values():
            if block.file is not None:
                block.body = self._network(block, block.file, merged, users)
        return merged

    # What is extended.

    def _chain(self, source: Source) -> list[Document]:
        """A file, and those that it extends."""
        documents = [own_document(source)]
        seen = [os.path.normpath(source.path)]
        while "extends" in documents[-1].keys:
            document = documents[-1]
            value = document.keys["extends"][1]
            if not isinstance(value, ScalarNode) or not value.text:
                message = "extends takes the path of one other spec"
                document.refuse("bad-value", message, value.span)
                raise ConvcalcError(document.problems)
            path = self._path(value)
            if os.path.normpath(path) in seen:
                chain = " -> ".join(printable(name) for name in [*seen, os.path.normpath(path)])
                document.refuse("extends-loop", f"extends itself: {chain}", value.span)
                raise ConvcalcError(_all_problems(documents))
            if len(documents) == LONGEST_CHAIN:
                message = f"more than {LONGEST_CHAIN} files extend each other"
                document.refuse("extends-loop", message, value.span)
                raise ConvcalcError(_all_problems(documents))
            seen.append(os.path.normpath(path))
            base = self._open(value, path, documents, "extends-not-found")
            try:
                documents.append(own_document(base))
            except ConvcalcError as error:
                raise _below(error, documents, Related(Reason.EXTENDS, value.span)) from None
        return documents

    def _replaced(self, documents: list[Document]) -> Replaced | None:
        """What a file extends, if its layers replace all layers of that and use nothing of it."""
        own, *bases = documents
        value = own.keys["extends"][1]
        if not (
            isinstance(value, ScalarNode)
            and "layers" in own.keys
            and any("layers" in base.keys for base in bases)
        ):
            return None
        names = {name for base in bases for name in (*base.blocks, *base.args)}
        names -= {*own.blocks, *own.args}
        names.update([kind for base in bases for kind in base.defaults])
        if not names.isdisjoint(_words(own)):
            return None
        path = os.path.normpath(self._path(value))
        files = [block.file for block in own.blocks.values() if block.file is not None]
        if path in [os.path.normpath(self._path(file)) for file in files]:
            return None
        source = bases[0].source
        length = sum([len(base.source.text) for base in bases])
        return Replaced(
            value,
            own.keys["layers"][0],
            length,
            lambda: read_document(source, self._opener, self._exists),
        )

    # What is used.

    def _network(
        self, block: Block, node: ScalarNode, document: Document, users: tuple[str, ...]
    ) -> Document | None:
        """The network that is a block; None where it cannot be one, which is recorded."""
        path = self._path(node)
        place = os.path.normpath(path)
        if place in users:
            chain = " -> ".join(printable(name) for name in [*users[users.index(place) :], place])
            document.refuse(
                "block-recursion", f"a network cannot contain itself: {chain}", node.span
            )
            raise ConvcalcError(_all_problems([document]))
        if len(users) == LONGEST_CHAIN:
            message = f"more than {LONGEST_CHAIN} files are blocks of each other"
            document.refuse("block-recursion", message, node.span)
            raise ConvcalcError(_all_problems([document]))
        network = self._networks.get(place)
        if network is None:
            source = self._open(node, path, [document], "block-not-found")
            self.used.add(source)
            try:
                network = self.document(source, (*users, place))
            except ConvcalcError as error:
                raise _below(error, [document], Related(Reason.USES, node.span)) from None
            self._networks[place] = network
            document.problems += network.problems
        return network if _fits(block, node, network, document) else None

    # Files.

    def _path(self, node: ScalarNode) -> str:
        """The path of a file that another one names."""
        path = os.path.join(os.path.dirname(node.source.path), node.text)
        if is_word(node.text) and not self._exists(path):
            # As on the command line, a word is the name of a network that ships with the package.
            path = shipped_path(node.text) or path
        return path

    def _open(self, node: ScalarNode, path: str, documents: list[Document], code: str) -> Source:
        """The text of a file that the last of these documents names."""
        document, span = documents[-1], node.span
        try:
            source = self._opener(path)
        except ConvcalcError as error:
            problem = error.problems[0]
            if problem.code == "outside-root":
                document.problems.append(problem._replace(span=node.span))
            else:
                own = [fact.text for fact in facts_of(problem.facts, Help)]
                # A shipped network of this very name is there, and cannot be read.
                there = own and node.text in shipped_names()
                help_text = own[0] if there else _meant_file(node, code, document)
                document.refuse(code, problem.text, node.span, help_text)
            raise ConvcalcError(_all_problems(documents), UNUSABLE) from None
        self.named.setdefault(source, span)
        self._length += len(source.text)
        self._files += 1
        most = current_access().max_file_size
        if self._length > most:
            document.refuse(
                "file-too-large",
                f"the files that lead to each other have {self._length} characters together",
                span,
                "--max-file-size allows more",
                Rule(f"at most {most}"),
            )
            raise ConvcalcError(_all_problems(documents))
        if self._files > MOST_FILES:
            message = f"the file leads to more than {MOST_FILES - 1} others"
            document.refuse("extends-loop", message, span)
            raise ConvcalcError(_all_problems(documents))
        return source


def _words(document: Document) -> set[str]:
    """The words in a file's own layers, and in what these may use."""
    keys = ("layers", "blocks", "args", "input", "outputs")
    waiting = [document.keys[key][1] for key in keys if key in document.keys]
    found: set[str] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, ScalarNode):
            found.update(_WORD.findall(node.text))
        elif isinstance(node, ListNode):
            waiting += node.items
        elif isinstance(node, MapNode):
            for key, value in node.entries.values():
                found.update(_WORD.findall(key.text))
                waiting.append(value)
    return found | {NORM_WORDS[word] for word in found & NORM_WORDS.keys()}


def _meant_file(node: ScalarNode, code: str, document: Document) -> str:
    """The help for the name of a file that cannot be opened."""
    word = printable(node.text)
    if code == "block-not-found" and (node.text in KINDS or node.text in document.blocks):
        return f"the layers of a block are a list: [{word}]"
    if is_word(node.text):
        from convcalc.spelling import did_you_mean, nearest  # only a mistake needs it

        near = nearest(node.text, shipped_names())
        if near:
            return did_you_mean(node.text, near)
    return "a path is relative to this file; a word names a network that ships"


def _fits(block: Block, node: ScalarNode, network: Document, document: Document) -> bool:
    """Whether a network can be a block; if so, its arguments become those of the block."""
    found = len(document.problems)
    name = printable(node.text)
    layers = network.keys.get("layers")
    if layers is None or not isinstance(layers[1], ListNode) or not layers[1].items:
        document.refuse("bad-value", f"'{name}' has no list of layers to be a block", node.span)
    inputs = network.keys.get("input")
    if inputs is not None and isinstance(inputs[1], MapNode) and len(inputs[1].entries) > 1:
        shown = listed([printable(text) for text in inputs[1].entries])
        message = f"'{name}' has several inputs, and one value enters a block: {shown}"
        document.refuse("bad-value", message, node.span)
    for parameter in block.parameters:
        if parameter.name not in network.args:
            from convcalc.spelling import did_you_mean  # only a mistake needs it

            message = f"'{name}' has no argument '{parameter.name}'"
            help_text = did_you_mean(parameter.name, network.args)
            document.refuse("unknown-argument", message, parameter.span, help_text)
    own = {parameter.name for parameter in block.parameters}
    block.parameters += [
        Parameter(arg, None, key.span, key.span, inherited=True)
        for arg, (key, _) in network.args.items()
        if arg not in own
    ]
    return len(document.problems) == found


def _check_inherited_args(documents: list[Document]) -> None:
    """An argument that no other text mentions is most likely misspelt.

    Its own file must mention it again, or a file that this one extends must mention it.
    """
    below: set[str] = set()
    inherited: dict[str, Entry] = {}
    for document in reversed(documents):
        own = Counter(_WORD.findall(document.source.text)) if document.args else Counter()
        unused = [name for name in document.args if own[name] < 2 and name not in below]
        for name in unused if document is not documents[-1] else ():
            from convcalc.spelling import did_you_mean  # only a mistake needs it

            document.refuse(
                "unknown-argument",
                f"nothing uses the argument '{name}', and no extended file has it",
                document.args[name][0].span,
                did_you_mean(name, inherited),
            )
        below.update(own or _WORD.findall(document.source.text))
        inherited.update(document.args)


def _below(error: ConvcalcError, documents: list[Document], fact: Related) -> ConvcalcError:
    """What is wrong with a file that the last of these documents names, and before it with them."""
    found = [problem._replace(facts=(fact, *problem.facts)) for problem in error.problems]
    return ConvcalcError([*_all_problems(documents), *found][:MOST_PROBLEMS], error.status)


def _all_problems(documents: list[Document]) -> list[Problem]:
    problems: list[Problem] = []
    for document in documents:
        problems += sorted(document.problems, key=position)
    return problems[:MOST_PROBLEMS]
