//! Typed slots and shared parts: how rooms hand things to each other through the host without the
//! host knowing their types.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::sync::Arc;

/// One value of each type, made by its `Default` on first touch.
#[derive(Default)]
pub struct Slots(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl Slots {
    /// The slot of `T`, to add to.
    pub fn slot<T: Default + Send + Sync + 'static>(&mut self) -> &mut T {
        self.0
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Box::<T>::default())
            .downcast_mut()
            .expect("the key of a slot is the type of its value")
    }

    /// What was put into the slot of `T`, if anybody touched it.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>()).and_then(|slot| slot.downcast_ref())
    }
}

/// Things that live as long as the process and that modules share: one of each type.
#[derive(Clone, Default)]
pub struct Parts(Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Parts {
    /// Adds a part; a second one of the same type is a mistake of whoever put the modules together.
    pub(crate) fn add<T: Send + Sync + 'static>(&mut self, part: T) -> Arc<T> {
        let part = Arc::new(part);
        let parts = Arc::make_mut(&mut self.0);
        let before = parts.insert(TypeId::of::<T>(), part.clone());
        assert!(before.is_none(), "the part `{}` was provided twice", type_name::<T>());
        part
    }

    /// The part of type `T`, if a module provided it.
    pub fn find<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let part = self.0.get(&TypeId::of::<T>())?.clone();
        Some(part.downcast().expect("the key of a part is the type of its value"))
    }

    /// The part of type `T`. Panics when no module provided it: the program was put together without
    /// a module that another one needs.
    pub fn get<T: Send + Sync + 'static>(&self) -> Arc<T> {
        self.find().unwrap_or_else(|| panic!("no module provided the part `{}`", type_name::<T>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_own_slot() {
        let mut slots = Slots::default();
        slots.slot::<Vec<u8>>().push(7);
        slots.slot::<Vec<u8>>().push(8);
        assert_eq!(slots.get::<Vec<u8>>(), Some(&vec![7, 8]));
        assert_eq!(slots.get::<Vec<u16>>(), None);
    }

    #[test]
    fn a_part_is_shared_and_single() {
        let mut parts = Parts::default();
        let given = parts.add("one".to_owned());
        assert!(Arc::ptr_eq(&given, &parts.get::<String>()));
        assert!(parts.find::<u8>().is_none());
    }
}
