//! Rows that are another row's.

use super::exhibit::{Exhibit, Scene, Unit};

/// What of the other row comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// Its input as it went in.
    Input,
    /// Its input, turned by the position of the own row.
    Turned,
    /// Its right answer.
    Answer,
}

/// Which row is the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Which {
    Own,
    HeadZero,
    NextHead(i64),
    LastHead,
    /// h − H/2 in the second half.
    FirstHalf,
    /// ⌊h/group⌋, where a group of queries shares a key.
    OverGroup,
    /// h · group.
    TimesGroup,
    FirstToken,
    NextToken(i64),
    Reversed,
    RowZero,
    NextRow(i64),
    /// Heads and tokens exchanged in memory.
    Transposed,
    /// Addressed with the strides of the queries, heads before tokens.
    QueryStrides,
    /// The same, tokens before heads.
    QueryStridesByToken,
}

/// A row that comes from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Copy {
    pub(super) source: Source,
    pub(super) which: Which,
    /// Whether it is one of the other tensor: a key for a query.
    pub(super) other: bool,
}

impl Copy {
    /// All of them.
    pub(super) fn all() -> Vec<Copy> {
        use Which::*;
        let places = [
            Own,
            HeadZero,
            NextHead(1),
            NextHead(-1),
            LastHead,
            FirstHalf,
            OverGroup,
            TimesGroup,
            FirstToken,
            NextToken(1),
            NextToken(-1),
            Reversed,
            RowZero,
            NextRow(1),
            NextRow(-1),
            Transposed,
            QueryStrides,
            QueryStridesByToken,
        ];
        let mut list = Vec::new();
        for other in [false, true] {
            for which in places {
                for source in [Source::Input, Source::Turned, Source::Answer] {
                    let same = !other && which == Own;
                    if !(same && source != Source::Input) {
                        list.push(Copy { source, which, other });
                    }
                }
            }
        }
        list
    }

    /// The other row: its side, batch, head and token.
    pub(super) fn row(
        self,
        exhibit: &Exhibit,
        batch: usize,
        unit: &Unit,
    ) -> Option<(usize, [usize; 3])> {
        // Beside queries and keys there may be values, which go with keys.
        let side = match (self.other, unit.side) {
            (true, 1) => 0,
            (true, _) => 1,
            (false, own) => own,
        };
        let heads = exhibit.sides.get(side)?.heads;
        let tokens = exhibit.tokens();
        let [b, h, t] = [unit.batch, unit.head, unit.token];
        let step = |index: usize, by: i64| usize::try_from(index as i64 + by).ok();
        let group = match &exhibit.sides[..] {
            [q, k] if k.heads > 0 => (q.heads / k.heads).max(k.heads / q.heads.max(1)),
            _ => 1,
        };
        let flat = |flat: usize, by_token: bool| {
            let (inner, middle) = if by_token { (heads, tokens) } else { (tokens, heads) };
            let (row, rest) = (flat / (inner * middle).max(1), flat % (inner * middle).max(1));
            let (m, i) = (rest / inner.max(1), rest % inner.max(1));
            if by_token { [row, i, m] } else { [row, m, i] }
        };
        let queries = exhibit.sides[0].heads;
        let [b, h, t] = match self.which {
            Which::Own => [b, h, t],
            Which::HeadZero => [b, 0, t],
            Which::NextHead(n) => [b, step(h, n)?, t],
            Which::LastHead => [b, heads.checked_sub(1)?, t],
            Which::FirstHalf if 2 * h >= heads => [b, h - heads / 2, t],
            Which::FirstHalf => return None,
            Which::OverGroup => [b, h / group, t],
            Which::TimesGroup => [b, h * group, t],
            Which::FirstToken => [b, h, 0],
            Which::NextToken(n) => [b, h, step(t, n)?],
            Which::Reversed => [b, h, tokens - 1 - t],
            Which::RowZero => [0, h, t],
            Which::NextRow(n) => [step(b, n)?, h, t],
            Which::Transposed => {
                // The place of [b, h, t] in memory of [b, t, h].
                let place = (b * tokens + t) * heads + h;
                flat(place, false)
            }
            Which::QueryStrides if !self.other => flat((b * queries + h) * tokens + t, false),
            Which::QueryStridesByToken if !self.other => flat((b * tokens + t) * queries + h, true),
            _ => return None,
        };
        (b < batch && h < heads && t < tokens).then_some((side, [b, h, t]))
    }

    /// Whether it is told from the own row's: of one head the last is the own one.
    pub(super) fn is_another(self, exhibit: &Exhibit, unit: &Unit) -> bool {
        let batch = match &exhibit.scene {
            Scene::Turn(turn) => turn.batch,
            Scene::Grid(_) => return true,
            Scene::Whole(whole) => whole.batch,
        };
        let own = (unit.side, [unit.batch, unit.head, unit.token]);
        self.which == Which::Own || self.row(exhibit, batch, unit) != Some(own)
    }

    pub(super) fn cost(self) -> u32 {
        let place = match self.which {
            Which::Own => 0,
            Which::HeadZero | Which::FirstToken | Which::RowZero | Which::OverGroup => 2,
            Which::FirstHalf | Which::NextHead(_) | Which::NextToken(_) => 3,
            _ => 4,
        };
        place + 2 * u32::from(self.other) + u32::from(self.source == Source::Turned) + 1
    }

    /// What such a row is, as the end of "row (head h) …".
    pub(super) fn words(self, name: &str) -> String {
        let other = match (self.other, name) {
            (true, "k") => " of the queries",
            (true, _) => " of the keys",
            _ => "",
        };
        let row = match self.which {
            Which::Own if self.other => format!("the same row{other}"),
            Which::Own => "its own".into(),
            Which::HeadZero => format!("head 0{other}"),
            Which::NextHead(1) => format!("the next head{other}"),
            Which::NextHead(_) => format!("the head before{other}"),
            Which::LastHead => format!("the last head{other}"),
            Which::FirstHalf => format!("head h − H/2{other}"),
            Which::OverGroup => format!("head ⌊h/group⌋{other} (group: query heads per key head)"),
            Which::TimesGroup => format!("head h · group{other} (group: query heads per key head)"),
            Which::FirstToken => format!("the first token{other}"),
            Which::NextToken(1) => format!("the next token{other}"),
            Which::NextToken(_) => format!("the token before{other}"),
            Which::Reversed => format!("the token as far from the end{other}"),
            Which::RowZero => format!("row 0 of the batch{other}"),
            Which::NextRow(1) => format!("the next row of the batch{other}"),
            Which::NextRow(_) => format!("the row of the batch before{other}"),
            Which::Transposed => "the row that lies there if heads and tokens are exchanged".into(),
            Which::QueryStrides | Which::QueryStridesByToken => {
                "the row that lies there by the strides of the queries".into()
            }
        };
        match (self.source, self.which, self.other) {
            (Source::Input, Which::Own, false) => "comes back as it went in".into(),
            (Source::Input, ..) => format!("is the input of {row}, not turned"),
            (Source::Turned, ..) => format!("is made of the input of {row}"),
            (Source::Answer, ..) => format!("is the answer of {row}"),
        }
    }

    pub(super) fn mend(self) -> String {
        match (self.source, self.which) {
            (Source::Input, Which::Own) => "write the turned values of these rows too".into(),
            (_, Which::QueryStrides | Which::QueryStridesByToken) => {
                "address the keys by their own number of heads and their own strides".into()
            }
            (_, Which::OverGroup | Which::TimesGroup) => {
                "keys have heads of their own: `k_out[h] = turn(k[h])`, without the group".into()
            }
            (_, Which::Transposed) => {
                "take the strides of heads and tokens from the tensor that is given".into()
            }
            _ => "read the row that is written".into(),
        }
    }
}
