"""What all ways to write a formula have in common: a method for each kind of node, and where brackets stand."""

from __future__ import annotations

from chainrule.formula import tree as t


class Writer:
    """Writes each kind of node by the method with its name; as plain text, unless a way says otherwise."""

    def write(self, node: t.Node) -> str:
        """The node and everything in it."""
        written: str = getattr(self, type(node).__name__.lower())(node)
        return written

    def row(self, *parts: str) -> str:
        """Parts beside each other."""
        return "".join(parts)

    def sign(self, sign: str) -> str:
        """A sign between two parts."""
        return f" {sign} "

    def prefix(self, sign: str) -> str:
        """A sign before a part."""
        return sign

    def in_brackets(self, *nodes: t.Node) -> str:
        """Parts in round brackets, with commas between them."""
        return f"({', '.join(map(self.write, nodes))})"

    def bracketed(self, node: t.Node, least: int) -> str:
        """A part in brackets unless it holds together at least so tightly."""
        return self.write(node) if t.precedence(node) >= least else self.in_brackets(node)

    def sum(self, node: t.Sum) -> str:
        """Terms with their signs."""
        first, *others = node.terms
        written = [self.write(first) if isinstance(first, t.Negative) else self.bracketed(first, 1)]
        for term in others:
            sign, part = ("-", term.part) if isinstance(term, t.Negative) else ("+", term)
            written += [self.sign(sign), self.bracketed(part, 2)]
        return self.row(*written)

    def negative(self, node: t.Negative) -> str:
        """A sign and what it turns."""
        return self.row(self.prefix("-"), self.bracketed(node.part, 2))

    def relation(self, node: t.Relation) -> str:
        """Two sides and their sign."""
        return self.row(self.write(node.left), self.sign(node.sign), self.write(node.right))
