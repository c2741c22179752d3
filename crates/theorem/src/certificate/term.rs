//! Reads a statement's real number as Coq does, and writes it as an expression of the prelude's
//! evaluator.
//!
//! Equal terms are kept once, definitions are unfolded. What is read here is not trusted: Coq
//! compares what the expression means with the statement.

use super::formula::Formula;
use std::collections::HashMap;

/// A term of [`Terms`]; what it consists of has smaller numbers.
pub(super) type Id = usize;

/// A constructor of `expr` with what is not a term of it, and the terms that it is applied to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) head: String,
    pub(super) parts: Vec<Id>,
}

/// The terms of a module.
pub(super) struct Terms<'a> {
    pub(super) nodes: Vec<Node>,
    ids: HashMap<Node, Id>,
    definitions: HashMap<&'a str, (Vec<&'a str>, Vec<&'a str>)>,
    unfolded: HashMap<(String, Vec<Id>), Id>,
    /// What the statements call a term, if that is short.
    pub(super) names: HashMap<Id, String>,
}

/// Functions of Coq's reals, with the constructors that stand for them.
const FUNCTIONS: [(&str, usize, &str); 9] = [
    ("cos", 1, "Cos"),
    ("sin", 1, "Sin"),
    ("sqrt", 1, "Sqrt"),
    ("ln", 1, "Ln"),
    ("exp", 1, "Exp"),
    ("Zfloor", 1, "Floor"),
    ("Zceil", 1, "Ceil"),
    ("Rmax", 2, "Max"),
    ("Rmin", 2, "Min"),
];

impl<'a> Terms<'a> {
    pub(super) fn new(formula: &'a Formula) -> Terms<'a> {
        let definition = |d: &'a super::formula::Definition| {
            (d.name.as_str(), (d.arguments.split_whitespace().collect(), tokens(&d.body)))
        };
        Terms {
            nodes: Vec::new(),
            ids: HashMap::new(),
            definitions: formula.definitions.iter().map(definition).collect(),
            unfolded: HashMap::new(),
            names: HashMap::new(),
        }
    }

    /// Reads a term; none if it has something that is no part of an expression.
    pub(super) fn read(&mut self, text: &str) -> Option<Id> {
        let tokens = tokens(text);
        let mut reader = Reader { terms: self, tokens: &tokens, at: 0, given: &[] };
        let id = reader.sum()?;
        (reader.at == tokens.len()).then_some(id)
    }

    fn node(&mut self, head: impl Into<String>, parts: Vec<Id>) -> Id {
        let node = Node { head: head.into(), parts };
        if let Some(&id) = self.ids.get(&node) {
            return id;
        }
        self.ids.insert(node.clone(), self.nodes.len());
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn integer(&mut self, digits: &str, negative: bool) -> Id {
        self.node(
            if negative { format!("Int (-{digits})") } else { format!("Int {digits}") },
            vec![],
        )
    }

    /// A power; those of two can be rational, the others share their base's logarithm.
    fn power(&mut self, base: Id, exponent: Id) -> Id {
        if self.nodes[base].head == "Int 2" {
            return self.node("Power", vec![base, exponent]);
        }
        let logarithm = self.node("Ln", vec![base]);
        let product = self.node("Mul", vec![exponent, logarithm]);
        self.node("Exp", vec![product])
    }

    /// A quotient; a root of two over a root is seen as such, since it can be rational.
    fn quotient(&mut self, a: Id, b: Id) -> Id {
        let is = |id: Id, head: &str| self.nodes[id].head == head;
        if is(a, "Mul") && is(b, "Sqrt") {
            let (power, factor) = (self.nodes[a].parts[0], self.nodes[a].parts[1]);
            let digits = self.nodes[factor].head.strip_prefix("Int ");
            if let (Some(digits), true) = (digits, is(power, "Power")) {
                let head = format!("Root {digits}");
                let (exponent, under) = (self.nodes[power].parts[1], self.nodes[b].parts[0]);
                return self.node(head, vec![exponent, under]);
            }
        }
        self.node("Div", vec![a, b])
    }
}

/// Numbers, names and signs.
fn tokens(text: &str) -> Vec<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match word(first) {
            true => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        tokens.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    tokens
}

/// A place in a term; `given` are the arguments of the definition whose body it is.
struct Reader<'r, 't, 'a> {
    terms: &'r mut Terms<'a>,
    tokens: &'r [&'t str],
    at: usize,
    given: &'r [(&'r str, Id)],
}

impl<'t> Reader<'_, 't, '_> {
    fn peek(&self) -> Option<&'t str> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'t str> {
        self.at += 1;
        self.tokens.get(self.at - 1).copied()
    }

    fn takes(&mut self, token: &str) -> bool {
        let there = self.peek() == Some(token);
        self.at += usize::from(there);
        there
    }

    /// A branch, or terms with + and − between them.
    fn sum(&mut self) -> Option<Id> {
        if self.takes("if") {
            let head = match self.next()? {
                "Rlt_dec" => "Less",
                "Req_EM_T" => "Equal",
                _ => return None,
            };
            let mut parts = vec![self.atom()?, self.atom()?];
            for word in ["then", "else"] {
                if !self.takes(word) {
                    return None;
                }
                parts.push(self.sum()?);
            }
            return Some(self.terms.node(head, parts));
        }
        let mut left = self.product()?;
        loop {
            let head = match self.peek() {
                Some("+") => "Add",
                Some("-") => "Sub",
                _ => return Some(left),
            };
            self.at += 1;
            let right = self.product()?;
            left = self.terms.node(head, vec![left, right]);
        }
    }

    fn product(&mut self) -> Option<Id> {
        let mut left = self.signed()?;
        loop {
            if self.takes("*") {
                let right = self.signed()?;
                left = self.terms.node("Mul", vec![left, right]);
            } else if self.takes("/") {
                let right = self.signed()?;
                left = self.terms.quotient(left, right);
            } else {
                return Some(left);
            }
        }
    }

    fn signed(&mut self) -> Option<Id> {
        if self.takes("/") {
            let a = self.signed()?;
            return Some(self.terms.node("Inv", vec![a]));
        }
        if !self.takes("-") {
            return self.applied();
        }
        // Coq takes a minus before digits as part of the number.
        if self.peek()?.starts_with(|c: char| c.is_ascii_digit()) {
            let digits = self.next()?;
            return Some(self.terms.integer(digits, true));
        }
        let a = self.signed()?;
        Some(self.terms.node("Neg", vec![a]))
    }

    /// A function with its arguments, or an atom.
    fn applied(&mut self) -> Option<Id> {
        let name = self.peek()?;
        if let Some(&(_, count, head)) = FUNCTIONS.iter().find(|(function, ..)| *function == name) {
            self.at += 1;
            let parts = (0..count).map(|_| self.atom()).collect::<Option<Vec<Id>>>()?;
            return Some(self.terms.node(head, parts));
        }
        match name {
            "Rpower" => {
                self.at += 1;
                let (base, exponent) = (self.atom()?, self.atom()?);
                Some(self.terms.power(base, exponent))
            }
            "value" => {
                self.at += 1;
                let head = format!("Bits {} {}", self.next()?, self.next()?);
                Some(self.terms.node(head, vec![]))
            }
            // (e^x − e^−x) / 2 over (e^x + e^−x) / 2, as Coq defines it.
            "tanh" => {
                self.at += 1;
                let x = self.atom()?;
                let minus = self.terms.node("Neg", vec![x]);
                let up = self.terms.node("Exp", vec![x]);
                let down = self.terms.node("Exp", vec![minus]);
                let two = self.terms.integer("2", false);
                let [sinh, cosh] = ["Sub", "Add"].map(|head| {
                    let sum = self.terms.node(head, vec![up, down]);
                    self.terms.node("Div", vec![sum, two])
                });
                Some(self.terms.node("Div", vec![sinh, cosh]))
            }
            // Of a floor or a ceiling.
            "IZR" => {
                self.at += 1;
                self.atom()
            }
            _ => match self.terms.definitions.get(name).map(|(arguments, _)| arguments.len()) {
                Some(count) if count > 0 && self.is_defined(name) => {
                    self.at += 1;
                    let parts = (0..count).map(|_| self.atom()).collect::<Option<Vec<Id>>>()?;
                    self.unfold(name, parts)
                }
                _ => self.atom(),
            },
        }
    }

    /// Whether a name is not an argument's.
    fn is_defined(&self, name: &str) -> bool {
        self.given.iter().all(|(argument, _)| *argument != name)
    }

    fn unfold(&mut self, name: &str, parts: Vec<Id>) -> Option<Id> {
        let key = (name.to_string(), parts);
        if let Some(&id) = self.terms.unfolded.get(&key) {
            return Some(id);
        }
        let (arguments, body) = self.terms.definitions.get(name)?.clone();
        let given: Vec<(&str, Id)> = arguments.into_iter().zip(key.1.iter().copied()).collect();
        let mut inner = Reader { terms: &mut *self.terms, tokens: &body, at: 0, given: &given };
        let id = inner.sum()?;
        (inner.at == body.len()).then_some(())?;
        let digits = |&part: &Id| self.terms.nodes[part].head.strip_prefix("Int ");
        if let Some(digits) = key.1.iter().map(digits).collect::<Option<Vec<&str>>>() {
            let name = [&[name], &digits[..]].concat().join(" ");
            self.terms.names.entry(id).or_insert(name);
        }
        self.terms.unfolded.insert(key, id);
        Some(id)
    }

    fn atom(&mut self) -> Option<Id> {
        match self.next()? {
            "(" => {
                let id = self.sum()?;
                self.takes(")").then_some(id)
            }
            "PI" => Some(self.terms.node("Pi", vec![])),
            digits if digits.starts_with(|c: char| c.is_ascii_digit()) => {
                Some(self.terms.integer(digits, false))
            }
            name => match self.given.iter().find(|(argument, _)| *argument == name) {
                Some(&(_, id)) => Some(id),
                None => self.unfold(name, vec![]),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(terms: &Terms, id: Id) -> String {
        let node = &terms.nodes[id];
        let parts = node.parts.iter().map(|&part| format!(" ({})", written(terms, part)));
        node.head.clone() + &parts.collect::<String>()
    }

    #[test]
    fn terms_are_read_as_coq_reads_them() {
        let mut formula = Formula::default();
        formula.constant("base", "10000");
        formula.define("theta", "i k", "Rpower base (- (i / k))");
        let mut terms = Terms::new(&formula);
        let mut read = |text: &str| terms.read(text).map(|id| written(&terms, id));
        for (text, expected) in [
            ("1 - 2 - 3 * 4", "Sub (Sub (Int 1) (Int 2)) (Mul (Int 3) (Int 4))"),
            ("(-5) * 6 / 7", "Div (Mul (Int (-5)) (Int 6)) (Int 7)"),
            ("- PI / 2", "Div (Neg (Pi)) (Int 2)"),
            ("/ sqrt 2 * 3", "Mul (Inv (Sqrt (Int 2))) (Int 3)"),
            ("value F16 0x3c00 + PI", "Add (Bits F16 0x3c00) (Pi)"),
            ("theta 1 8", "Exp (Mul (Neg (Div (Int 1) (Int 8))) (Ln (Int 10000)))"),
            ("IZR (Zfloor (ln 3))", "Floor (Ln (Int 3))"),
            (
                "tanh 5",
                "Div (Div (Sub (Exp (Int 5)) (Exp (Neg (Int 5)))) (Int 2)) \
                 (Div (Add (Exp (Int 5)) (Exp (Neg (Int 5)))) (Int 2))",
            ),
            (
                "if Rlt_dec base (PI / 2) then 1 else Rmax 2 3",
                "Less (Int 10000) (Div (Pi) (Int 2)) (Int 1) (Max (Int 2) (Int 3))",
            ),
            // A root of two over a root is one constructor; other powers of two are another.
            ("Rpower 2 ((-8) / 16) * 259 / sqrt 2", "Root 259 (Div (Int (-8)) (Int 16)) (Int 2)"),
            ("Rpower 2 (1 / 2) / 3", "Div (Power (Int 2) (Div (Int 1) (Int 2))) (Int 3)"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "1 +", "(1", "1)", "tan 1", "theta 1", "if Rle_dec 1 2 then 3 else 4"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn equal_terms_are_one_and_have_the_statements_name() {
        let mut formula = Formula::default();
        formula.define("theta", "i", "PI * i");
        let mut terms = Terms::new(&formula);
        let (a, b) = (terms.read("cos (theta 3)"), terms.read("cos (PI * 3)"));
        assert!(a.is_some());
        assert_eq!(a, b);
        let angle = terms.nodes[a.unwrap()].parts[0];
        assert_eq!(terms.names[&angle], "theta 3");
    }
}
