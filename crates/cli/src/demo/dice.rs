//! Chance that falls the same way in every run: the demo is made up, so it may be foreseeable.

/// A stream of numbers from a seed (SplitMix64: Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for one of many, so that the order in which things happen changes nothing.
    #[must_use]
    pub fn of(&self, number: u64) -> Self {
        let mut own = Self(self.0 ^ number.wrapping_mul(0xff51_afd7_ed55_8ccd));
        own.next();
        own
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..bound`, evenly enough for a demo.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Whether something happens that happens so many times in a hundred.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let place = usize::try_from(self.below(of.len() as u64)).unwrap_or(0);
        of[place]
    }

    /// One of them, each as often as its weight says.
    pub fn weighted<'a, T>(&mut self, of: &'a [T], weight: impl Fn(&T) -> u64) -> &'a T {
        let mut left = self.below(of.iter().map(&weight).sum());
        of.iter()
            .find(|item| {
                let hit = left < weight(item);
                left = left.saturating_sub(weight(item));
                hit
            })
            .unwrap_or(&of[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_falls_the_same_way_and_each_has_its_own() {
        let rolls = |mut dice: Dice| (0..5).map(|_| dice.below(1000)).collect::<Vec<_>>();
        assert_eq!(rolls(Dice::new(7).of(3)), rolls(Dice::new(7).of(3)));
        assert_ne!(rolls(Dice::new(7).of(3)), rolls(Dice::new(7).of(4)));
    }

    #[test]
    fn weights_are_kept() {
        let mut dice = Dice::new(1);
        let twos = (0..1000).filter(|_| *dice.weighted(&[1u64, 2], |weight| weight * weight) == 2).count();
        assert!((700..900).contains(&twos), "{twos}");
        assert!((0..1000).filter(|_| dice.percent(10)).count() < 150);
    }
}
