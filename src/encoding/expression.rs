//! Frequencies and magnitudes as exact expressions.
//!
//! A scheme writes its formula down once, as an [`Expression`]. The same expression is evaluated
//! in intervals for the truth, in rationals where it is rational, in f64 or f32 for a machine, and
//! prints itself for a person.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Sub};
use std::sync::Arc;

/// An exact real number, as a formula over the f64 parameters of a config.
///
/// ```
/// use ropewalk::encoding::{Double, Expression};
/// let theta = Expression::dyadic(10000.0).power(-2 * 16, 64);
/// assert_eq!(theta.to_string(), "10000^(-1/2)");
/// assert_eq!(theta.evaluate(&Double), Some(0.01));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Arc<Node>);

/// The outermost operation of an [`Expression`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // the names are the operations
pub enum Node {
    /// A finite f64, exactly.
    Dyadic(f64),
    Integer(i128),
    Pi,
    Add(Expression, Expression),
    Sub(Expression, Expression),
    Mul(Expression, Expression),
    Div(Expression, Expression),
    /// x^(a/b), b > 0.
    Power(Expression, i64, i64),
    Ln(Expression),
    Floor(Expression),
    Ceil(Expression),
    Min(Expression, Expression),
    Max(Expression, Expression),
    /// `then` if `left` < `right`, else `otherwise`: each arithmetic decides its own branch.
    Select {
        left: Expression,
        right: Expression,
        then: Expression,
        otherwise: Expression,
    },
}

/// A kind of number that expressions can be evaluated in.
///
/// `None` always means that this arithmetic cannot say: an irrational among rationals, an
/// interval too wide to pick a branch, a logarithm of something not positive.
pub trait Arithmetic {
    /// The numbers.
    type Scalar: Clone;
    /// An integer.
    fn integer(&self, n: i128) -> Option<Self::Scalar>;
    /// A finite f64.
    fn dyadic(&self, x: f64) -> Option<Self::Scalar>;
    /// π.
    fn pi(&self) -> Option<Self::Scalar>;
    /// a + b.
    fn add(&self, a: &Self::Scalar, b: &Self::Scalar) -> Option<Self::Scalar>;
    /// a − b.
    fn sub(&self, a: &Self::Scalar, b: &Self::Scalar) -> Option<Self::Scalar>;
    /// a · b.
    fn mul(&self, a: &Self::Scalar, b: &Self::Scalar) -> Option<Self::Scalar>;
    /// a / b.
    fn div(&self, a: &Self::Scalar, b: &Self::Scalar) -> Option<Self::Scalar>;
    /// x^(a/b), b > 0.
    fn power(&self, x: &Self::Scalar, a: i64, b: i64) -> Option<Self::Scalar>;
    /// ln x.
    fn ln(&self, x: &Self::Scalar) -> Option<Self::Scalar>;
    /// The greatest integer not above x.
    fn floor(&self, x: &Self::Scalar) -> Option<Self::Scalar>;
    /// The order of a and b.
    fn compare(&self, a: &Self::Scalar, b: &Self::Scalar) -> Option<Ordering>;
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

impl Expression {
    fn new(node: Node) -> Expression {
        Expression(Arc::new(node))
    }

    /// A finite f64, exactly; callers have checked that it is finite.
    pub fn dyadic(x: f64) -> Expression {
        Expression::new(Node::Dyadic(x))
    }

    /// An integer.
    pub fn integer(n: impl Into<i128>) -> Expression {
        Expression::new(Node::Integer(n.into()))
    }

    /// a/b.
    pub fn ratio(a: i64, b: i64) -> Expression {
        match b {
            1 => Expression::integer(a),
            _ => Expression::integer(a) / Expression::integer(b),
        }
    }

    /// π.
    pub fn pi() -> Expression {
        Expression::new(Node::Pi)
    }

    /// self^(a/b) for b > 0, the exponent in lowest terms.
    pub fn power(&self, a: i64, b: i64) -> Expression {
        let g = gcd(a, b).max(1);
        Expression::new(Node::Power(self.clone(), a / g, b / g))
    }

    /// √self.
    pub fn sqrt(&self) -> Expression {
        self.power(1, 2)
    }

    /// ln self.
    pub fn ln(&self) -> Expression {
        Expression::new(Node::Ln(self.clone()))
    }

    /// ⌊self⌋.
    pub fn floor(&self) -> Expression {
        Expression::new(Node::Floor(self.clone()))
    }

    /// ⌈self⌉.
    pub fn ceil(&self) -> Expression {
        Expression::new(Node::Ceil(self.clone()))
    }

    /// The smaller one.
    pub fn min(&self, other: &Expression) -> Expression {
        Expression::new(Node::Min(self.clone(), other.clone()))
    }

    /// The larger one.
    pub fn max(&self, other: &Expression) -> Expression {
        Expression::new(Node::Max(self.clone(), other.clone()))
    }

    /// `then` if self < `right`, else `otherwise`.
    pub fn select_below(
        &self,
        right: &Expression,
        then: &Expression,
        otherwise: &Expression,
    ) -> Expression {
        Expression::new(Node::Select {
            left: self.clone(),
            right: right.clone(),
            then: then.clone(),
            otherwise: otherwise.clone(),
        })
    }

    /// The outermost operation.
    pub fn node(&self) -> &Node {
        &self.0
    }

    /// The value in an arithmetic, none if that arithmetic cannot say.
    pub fn evaluate<A: Arithmetic>(&self, arithmetic: &A) -> Option<A::Scalar> {
        let of = |x: &Expression| x.evaluate(arithmetic);
        match self.node() {
            Node::Dyadic(x) => arithmetic.dyadic(*x),
            Node::Integer(n) => arithmetic.integer(*n),
            Node::Pi => arithmetic.pi(),
            Node::Add(a, b) => arithmetic.add(&of(a)?, &of(b)?),
            Node::Sub(a, b) => arithmetic.sub(&of(a)?, &of(b)?),
            Node::Mul(a, b) => arithmetic.mul(&of(a)?, &of(b)?),
            Node::Div(a, b) => arithmetic.div(&of(a)?, &of(b)?),
            Node::Power(x, a, b) => arithmetic.power(&of(x)?, *a, *b),
            Node::Ln(x) => arithmetic.ln(&of(x)?),
            Node::Floor(x) => arithmetic.floor(&of(x)?),
            Node::Ceil(x) => {
                let zero = arithmetic.integer(0)?;
                let below = arithmetic.floor(&arithmetic.sub(&zero, &of(x)?)?)?;
                arithmetic.sub(&zero, &below)
            }
            Node::Min(a, b) | Node::Max(a, b) => {
                let (left, right) = (of(a)?, of(b)?);
                let smaller = arithmetic.compare(&left, &right)? == Ordering::Less;
                Some(if smaller == matches!(self.node(), Node::Min(..)) { left } else { right })
            }
            Node::Select { left, right, then, otherwise } => {
                match arithmetic.compare(&of(left)?, &of(right)?)? {
                    Ordering::Less => of(then),
                    _ => of(otherwise),
                }
            }
        }
    }
}

impl From<i64> for Expression {
    fn from(n: i64) -> Expression {
        Expression::integer(n)
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $node:ident) => {
        impl $trait<Expression> for Expression {
            type Output = Expression;
            fn $method(self, other: Expression) -> Expression {
                Expression::new(Node::$node(self, other))
            }
        }
        impl $trait<&Expression> for &Expression {
            type Output = Expression;
            fn $method(self, other: &Expression) -> Expression {
                Expression::new(Node::$node(self.clone(), other.clone()))
            }
        }
        impl $trait<&Expression> for Expression {
            type Output = Expression;
            fn $method(self, other: &Expression) -> Expression {
                Expression::new(Node::$node(self, other.clone()))
            }
        }
        impl $trait<Expression> for &Expression {
            type Output = Expression;
            fn $method(self, other: Expression) -> Expression {
                Expression::new(Node::$node(self.clone(), other))
            }
        }
    };
}
operator!(Add, add, Add);
operator!(Sub, sub, Sub);
operator!(Mul, mul, Mul);
operator!(Div, div, Div);

/// How tightly the outermost operation binds, for brackets.
fn binding(node: &Node) -> u8 {
    match node {
        Node::Add(..) | Node::Sub(..) => 1,
        Node::Mul(..) | Node::Div(..) => 2,
        Node::Power(..) => 3,
        Node::Integer(n) if *n < 0 => 1,
        Node::Dyadic(x) if x.is_sign_negative() => 1,
        _ => 4,
    }
}

impl std::fmt::Display for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // An operand gets brackets if it binds less tightly than `at_least`.
        let part = |x: &Expression, at_least: u8| match binding(x.node()) >= at_least {
            true => x.to_string(),
            false => format!("({x})"),
        };
        match self.node() {
            Node::Dyadic(x) => write!(f, "{x}"),
            Node::Integer(n) => write!(f, "{n}"),
            Node::Pi => f.write_str("π"),
            Node::Add(a, b) => write!(f, "{} + {}", part(a, 1), part(b, 2)),
            Node::Sub(a, b) => write!(f, "{} − {}", part(a, 1), part(b, 2)),
            Node::Mul(a, b) => write!(f, "{}·{}", part(a, 2), part(b, 3)),
            Node::Div(a, b) => write!(f, "{}/{}", part(a, 2), part(b, 3)),
            Node::Power(x, 1, 2) => write!(f, "√({x})"),
            Node::Power(x, a, 1) => write!(f, "{}^{}", part(x, 4), bracketed(*a)),
            Node::Power(x, a, b) => write!(f, "{}^({a}/{b})", part(x, 4)),
            Node::Ln(x) => write!(f, "ln({x})"),
            Node::Floor(x) => write!(f, "⌊{x}⌋"),
            Node::Ceil(x) => write!(f, "⌈{x}⌉"),
            Node::Min(a, b) => write!(f, "min({a}, {b})"),
            Node::Max(a, b) => write!(f, "max({a}, {b})"),
            Node::Select { left, right, then, otherwise } => {
                write!(f, "[{left} < {right} ? {then} : {otherwise}]")
            }
        }
    }
}

fn bracketed(n: i64) -> String {
    if n < 0 { format!("({n})") } else { n.to_string() }
}

/// f64 arithmetic with the platform's `powf` and `ln`: for pictures and messages, never for truth.
#[derive(Clone, Copy, Debug, Default)]
pub struct Double;

impl Arithmetic for Double {
    type Scalar = f64;

    fn integer(&self, n: i128) -> Option<f64> {
        Some(n as f64)
    }
    fn dyadic(&self, x: f64) -> Option<f64> {
        Some(x)
    }
    fn pi(&self) -> Option<f64> {
        Some(std::f64::consts::PI)
    }
    fn add(&self, a: &f64, b: &f64) -> Option<f64> {
        Some(a + b)
    }
    fn sub(&self, a: &f64, b: &f64) -> Option<f64> {
        Some(a - b)
    }
    fn mul(&self, a: &f64, b: &f64) -> Option<f64> {
        Some(a * b)
    }
    fn div(&self, a: &f64, b: &f64) -> Option<f64> {
        Some(a / b)
    }
    fn power(&self, x: &f64, a: i64, b: i64) -> Option<f64> {
        Some(x.powf(a as f64 / b as f64))
    }
    fn ln(&self, x: &f64) -> Option<f64> {
        Some(x.ln())
    }
    fn floor(&self, x: &f64) -> Option<f64> {
        Some(x.floor())
    }
    fn compare(&self, a: &f64, b: &f64) -> Option<Ordering> {
        a.partial_cmp(b)
    }
}
