//! A key that is replaced while it is in use.

use std::sync::{PoisonError, RwLock};

/// The present key, and the one before: what was made with that one is still accepted.
pub(crate) struct Generations<T>(RwLock<Keys<T>>);

struct Keys<T> {
    present: T,
    former: Option<T>,
}

impl<T> Generations<T> {
    pub(crate) fn new(present: T, former: Option<T>) -> Self {
        Self(RwLock::new(Keys { present, former }))
    }

    /// The present key becomes the former one, and the former one is forgotten.
    pub(crate) fn replace(&self, key: T) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.former = Some(std::mem::replace(&mut keys.present, key));
    }

    /// What `action` makes with the present key.
    pub(crate) fn with_present<R>(&self, action: impl FnOnce(&T) -> R) -> R {
        action(&self.0.read().unwrap_or_else(PoisonError::into_inner).present)
    }

    /// The first result of the present key or the former one.
    pub(crate) fn find<R>(&self, attempt: impl Fn(&T) -> Option<R>) -> Option<R> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        attempt(&keys.present).or_else(|| keys.former.as_ref().and_then(&attempt))
    }

    /// What `action` makes with each key, the present one first.
    pub(crate) fn each<R>(&self, action: impl Fn(&T) -> R) -> (R, Option<R>) {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (action(&keys.present), keys.former.as_ref().map(&action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_former_key_is_kept() {
        let keys = Generations::new(1, None);
        assert_eq!(keys.each(|key| *key), (1, None));
        keys.replace(2);
        assert_eq!(keys.each(|key| *key), (2, Some(1)));
        keys.replace(3);
        assert_eq!(keys.each(|key| *key), (3, Some(2)));
        assert_eq!(keys.with_present(|key| *key), 3);
        assert_eq!(keys.find(|key| (*key < 3).then_some(*key)), Some(2));
        assert_eq!(keys.find(|key| (*key < 2).then_some(*key)), None);
    }
}
