//! The component's memory.
//!
//! Each call has a fresh instance, which makes a hundred small blocks and is thrown away. The standard library's allocator
//! asks the host for memory before the first of them, and that, a change of the host's page tables, takes as long as the
//! rest of a send. Here small blocks come from a stock that the component brings along, and go back to lists, one for
//! each size. Large blocks, and more stock when it is used up, are the standard library's, to which large blocks return:
//! an instance that is kept by its host, and called again and again, does not grow without bound.
//!
//! It is right for one thread, and a component has one.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ptr;

/// Blocks are this many bytes, or a multiple of it, and aligned to it.
const GRAIN: usize = 16;
/// How many sizes of small blocks there are; the largest is 4 KiB.
const SIZES: usize = 256;
/// Bytes of stock that are there from the start: a send with a few kilobytes of content takes no more.
const STOCK: usize = 32 * 1024;
/// Bytes of stock to ask for when it is used up.
const MORE: usize = 64 * 1024;
/// Bytes that the standard library asks for at the first large block: large ones rarely come alone, and the host's page
/// tables are changed each time it asks. A batch of 512 KiB of content takes no more.
const LARGE: usize = 1280 * 1024;

/// The allocator: small blocks its own, large ones the standard library's.
pub(crate) struct Memory {
    /// For each size, the first free block; its first word is the address of the next.
    free: [Cell<*mut u8>; SIZES],
    /// What is left of the stock that is in use: where it starts, and how many bytes it has.
    stock: Cell<(*mut u8, usize)>,
    is_first_used: Cell<bool>,
    has_large: Cell<bool>,
    first: Stock,
}

#[repr(align(16))]
struct Stock(UnsafeCell<[u8; STOCK]>);

const _: () = assert!(!cfg!(all(target_arch = "wasm32", target_feature = "atomics")), "for one thread only");

// SAFETY: the component has one thread.
unsafe impl Sync for Memory {}

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: Memory = Memory::new();

impl Memory {
    const fn new() -> Self {
        Memory {
            free: [const { Cell::new(ptr::null_mut()) }; SIZES],
            stock: Cell::new((ptr::null_mut(), 0)),
            is_first_used: Cell::new(false),
            has_large: Cell::new(false),
            first: Stock(UnsafeCell::new([0; STOCK])),
        }
    }

    /// The list of free blocks for such a layout, and the size of its blocks; `None`: it is a large one.
    fn list(&self, layout: Layout) -> Option<(&Cell<*mut u8>, usize)> {
        let grains = layout.size().div_ceil(GRAIN).max(1);
        let list = self.free.get(grains - 1).filter(|_| layout.align() <= GRAIN)?;
        Some((list, grains * GRAIN))
    }

    /// A block that nobody has had yet; null when there is no memory left.
    #[inline(never)]
    fn cut(&self, size: usize) -> *mut u8 {
        let (mut start, mut left) = self.stock.get();
        if left < size {
            // What is left of the old stock is given up: less than a large block, once in 64 KiB.
            (start, left) =
                if self.is_first_used.replace(true) { more() } else { (self.first.0.get().cast(), STOCK) };
            if start.is_null() {
                return start;
            }
        }
        // SAFETY: `start` has `left` bytes, and `size` is no more: both stocks are larger than any small block.
        self.stock.set((unsafe { start.add(size) }, left - size));
        start
    }
}

fn more() -> (*mut u8, usize) {
    let Ok(layout) = Layout::from_size_align(MORE, GRAIN) else { return (ptr::null_mut(), 0) };
    // SAFETY: the layout's size is not 0.
    (unsafe { System.alloc(layout) }, MORE)
}

/// Lets the standard library ask for memory once, and keep it for what comes.
fn prepare() {
    let Ok(layout) = Layout::from_size_align(LARGE, GRAIN) else { return };
    // SAFETY: the layout's size is not 0, and a block that is there is given back at once.
    unsafe {
        let block = System.alloc(layout);
        if !block.is_null() {
            System.dealloc(block, layout);
        }
    }
}

// SAFETY: a block is from the stock, where no two overlap, or from a list, which it left, or the standard library's. All
// sizes in the stock are multiples of GRAIN, as is its start, so that each block is aligned to it.
unsafe impl GlobalAlloc for Memory {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((list, size)) = self.list(layout) else {
            if !self.has_large.replace(true) {
                prepare();
            }
            // SAFETY: what the caller promises.
            return unsafe { System.alloc(layout) };
        };
        let block = list.get();
        if block.is_null() {
            return self.cut(size);
        }
        // SAFETY: a block in the list is free, aligned for a pointer, and starts with one: `dealloc` wrote it.
        list.set(unsafe { block.cast::<*mut u8>().read() });
        block
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some((list, _)) = self.list(layout) else {
            // SAFETY: a large block is the standard library's, and the rest is what the caller promises.
            return unsafe { System.dealloc(block, layout) };
        };
        // SAFETY: the block has room for a pointer, is aligned for one, and is the caller's no more.
        unsafe { block.cast::<*mut u8>().write(list.get()) };
        list.set(block);
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `size`, rounded up to the alignment, is no larger than a layout may be.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (self.list(layout), self.list(new)) {
            // SAFETY: a large block is the standard library's, and stays so.
            (None, None) => return unsafe { System.realloc(block, layout, size) },
            (Some((_, old)), Some((_, new))) if old == new => return block,
            (_, _) => {}
        }
        // SAFETY: what the caller promises; the new block is another than the old one and both have that many bytes.
        unsafe {
            let to = self.alloc(new);
            if !to.is_null() {
                ptr::copy_nonoverlapping(block, to, layout.size().min(size));
                self.dealloc(block, layout);
            }
            to
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block, its layout, and the byte it is filled with.
    struct Filled(*mut u8, Layout, u8);

    impl Filled {
        fn check(&self, bytes: usize) {
            // SAFETY: the block has as many bytes as its layout says, all of them written.
            let found = unsafe { std::slice::from_raw_parts(self.0, bytes.min(self.1.size())) };
            assert!(found.iter().all(|byte| *byte == self.2), "{:?} was overwritten", self.1);
        }

        fn fill(&self) {
            assert!(!self.0.is_null() && self.0.addr().is_multiple_of(self.1.align()), "{:?}", self.1);
            // SAFETY: as above.
            unsafe { self.0.write_bytes(self.2, self.1.size()) };
        }
    }

    proptest::proptest! {
        #[test]
        fn no_two_blocks_overlap(steps in proptest::collection::vec((0_u8..4, 0_usize..64, 1_usize..6_000, 0_u32..7), 1..400)) {
            let memory = Memory::new();
            let mut blocks: Vec<Filled> = Vec::new();
            for (mark, (what, which, size, align)) in steps.into_iter().enumerate() {
                let mark = mark as u8;
                let layout = Layout::from_size_align(size, 1 << align).unwrap();
                match what {
                    0 | 1 => {
                        // SAFETY: the size is not 0.
                        let block = Filled(unsafe { memory.alloc(layout) }, layout, mark);
                        block.fill();
                        blocks.push(block);
                    }
                    _ if blocks.is_empty() => {}
                    2 => {
                        let block = blocks.swap_remove(which % blocks.len());
                        block.check(usize::MAX);
                        // SAFETY: it is this allocator's, with this layout, and not used again.
                        unsafe { memory.dealloc(block.0, block.1) };
                    }
                    _ => {
                        let block = blocks.swap_remove(which % blocks.len());
                        let layout = Layout::from_size_align(size, block.1.align()).unwrap();
                        // SAFETY: as before; the new size is not 0.
                        let moved = unsafe { memory.realloc(block.0, block.1, size) };
                        Filled(moved, layout, block.2).check(block.1.size());
                        let block = Filled(moved, layout, mark);
                        block.fill();
                        blocks.push(block);
                    }
                }
            }
            for block in blocks {
                block.check(usize::MAX);
                // SAFETY: as before.
                unsafe { memory.dealloc(block.0, block.1) };
            }
        }
    }

    #[test]
    fn what_is_given_back_is_given_out_again() {
        let memory = Memory::new();
        let layout = Layout::from_size_align(100, 1).unwrap();
        // SAFETY: the size is not 0, and each block is given back once, with its layout.
        unsafe {
            let first = memory.alloc(layout);
            for _ in 0..10_000 {
                memory.dealloc(first, layout);
                assert_eq!(memory.alloc(Layout::from_size_align(97, 16).unwrap()), first);
            }
            assert_eq!(memory.stock.get().1, STOCK - 112);
        }
    }
}
