//! Integers as JavaScript's numbers, which hold each of them up to 2^53 on either side of zero and round beyond.

use crate::Error;

const MAX: u64 = 1 << 53;

/// The number to bind for an integer.
///
/// # Errors
/// [`Error::Failed`] with code `SQLITE_MISMATCH` beyond ±2^53, where the database would get another integer.
pub(super) fn from_integer(integer: i64) -> Result<f64, Error> {
    if integer.unsigned_abs() > MAX {
        return Err(Error::Failed {
            code: "SQLITE_MISMATCH".into(),
            message: format!("{integer} is beyond 2^53, which a number of JavaScript cannot hold"),
        });
    }
    Ok(integer as f64)
}

#[cfg(test)]
mod tests {
    use super::from_integer;

    #[test]
    fn every_integer_is_bound_as_itself_or_refused() {
        for integer in [0, 1, -1, 1_742_744_538_760, (1 << 53) - 1, 1 << 53, -(1 << 53)] {
            assert_eq!(from_integer(integer).map(|number| number as i64), Ok(integer));
        }
        for integer in [(1 << 53) + 1, -(1 << 53) - 1, i64::MAX, i64::MIN] {
            assert!(from_integer(integer).is_err(), "{integer}");
        }
    }
}
