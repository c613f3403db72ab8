//! The component's allocator: an arena, and behind that a stock, of which the component brings the first part along.
//!
//! A call makes a hundred small blocks, and gives all of them back before its answer has left. They lie in the arena one after the
//! other, and nothing of them is left when the last one is given back: the arena is wiped then, in one go. To ask the host for
//! memory, which changes its page tables, takes as long as the rest of a send. So a send with a few kilobytes of content does not
//! ask, and one with more asks once.
//!
//! A block of the stock is wiped when it is given back, if the instance is one that a host may keep for a further call
//! ([`keep_nothing`]).

use std::alloc::{GlobalAlloc, Layout};
use std::arch::wasm32::memory_grow;
use std::cell::Cell;
use std::ptr::NonNull;

use talc::base::Talc;
use talc::base::binning::Binning;
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

/// Bytes of the arena.
const ARENA: usize = 32 * 1024;
/// Bytes of the stock that are there from the start: a batch of some lines, which gives back much of what it takes, asks for no more.
const FIRST: usize = 32 * 1024;
/// Bytes of a page of WebAssembly.
const PAGE: usize = 64 * 1024;
/// How many pages are asked for at first: a batch of 512 KiB of content takes no more.
const MANY: usize = 20;

#[global_allocator]
static MEMORY: Memory = Memory {
    arena: Arena { used: Cell::new(0), touched: Cell::new(0), blocks: Cell::new(0) },
    stock: TalcSyncCell::new_wasm(Stock { first: true, end: None }),
    is_wiped: Cell::new(false),
};

/// Where the arena is. Nobody reads or writes it but through the blocks that [`Arena::take`] gives out.
static mut BYTES: [u128; ARENA / size_of::<u128>()] = [0; ARENA / size_of::<u128>()];

/// From now on, nothing of a block is left when it has been given back.
pub(crate) fn keep_nothing() {
    MEMORY.is_wiped.set(true);
}

struct Memory {
    arena: Arena,
    stock: TalcSyncCell<Stock, WasmBinning>,
    is_wiped: Cell<bool>,
}

// SAFETY: there is one thread.
unsafe impl Sync for Memory {}

// SAFETY: a block is the arena's or the stock's, whichever gave it, and goes back there.
unsafe impl GlobalAlloc for Memory {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.arena.take(layout) {
            Some(block) => block,
            // SAFETY: the caller's promises are those of this function.
            None => unsafe { self.stock.alloc(layout) },
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if Arena::has(block) {
            self.arena.give_back(block, layout.size());
            return;
        }
        // SAFETY: the caller gives the block back, and has it until then.
        unsafe {
            if self.is_wiped.get() {
                block.write_bytes(0, layout.size());
            }
            self.stock.dealloc(block, layout);
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let is_in_arena = Arena::has(block);
        if is_in_arena && self.arena.resize_last(block, layout.size(), size) {
            return block;
        }
        // SAFETY: the caller's promises are those of these functions; the two blocks are different ones.
        unsafe {
            if !is_in_arena && !self.is_wiped.get() {
                return self.stock.realloc(block, layout, size);
            }
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

/// Blocks one after the other. Only the last can be given back by itself.
struct Arena {
    /// Bytes up to the end of the last block.
    used: Cell<usize>,
    /// The most bytes that were used since the arena was wiped.
    touched: Cell<usize>,
    /// How many blocks have not been given back.
    blocks: Cell<usize>,
}

impl Arena {
    fn start() -> *mut u8 {
        (&raw mut BYTES).cast()
    }

    fn has(block: *const u8) -> bool {
        (block as usize).wrapping_sub(Self::start() as usize) < ARENA
    }

    /// A block, if there is room for it.
    #[inline]
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let from = self.used.get().checked_next_multiple_of(layout.align())?;
        let used = from.checked_add(layout.size()).filter(|used| *used <= ARENA)?;
        // The start is aligned to 16 bytes, and no more.
        if layout.align() > align_of::<u128>() {
            return None;
        }
        self.use_up_to(used);
        self.blocks.set(self.blocks.get() + 1);
        Some(Self::start().wrapping_add(from))
    }

    #[inline]
    fn give_back(&self, block: *mut u8, size: usize) {
        let from = (block as usize).wrapping_sub(Self::start() as usize);
        if from.wrapping_add(size) == self.used.get() {
            self.used.set(from);
        }
        let blocks = self.blocks.get().wrapping_sub(1);
        self.blocks.set(blocks);
        if blocks == 0 {
            self.used.set(0);
            // SAFETY: these are the arena's own bytes, and no block is there that anybody has.
            unsafe { Self::start().write_bytes(0, self.touched.replace(0)) };
        }
    }

    /// Makes a block longer or shorter where it is: whether it is the last one, and has room.
    #[inline]
    fn resize_last(&self, block: *mut u8, before: usize, size: usize) -> bool {
        let from = (block as usize).wrapping_sub(Self::start() as usize);
        let used = from.saturating_add(size);
        let fits = from.wrapping_add(before) == self.used.get() && used <= ARENA;
        if fits {
            self.use_up_to(used);
        }
        fits
    }

    fn use_up_to(&self, used: usize) {
        self.used.set(used);
        self.touched.set(self.touched.get().max(used));
    }
}

/// Where more memory comes from.
#[derive(Debug)]
struct Stock {
    /// Whether what is there from the start has not been used yet.
    first: bool,
    /// Where the memory ends that the host gave.
    end: Option<NonNull<u8>>,
}

// SAFETY: it reaches the allocator by its argument alone, and allocates nothing.
unsafe impl Source for Stock {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        static mut THERE: [u8; FIRST] = [0; FIRST];

        if std::mem::replace(&mut talc.source.first, false) {
            // SAFETY: nobody else has this memory, which is given away once.
            return unsafe { talc.claim((&raw mut THERE).cast(), FIRST) }.map(|_| ()).ok_or(());
        }
        // Room for the block, wherever it has to begin, and for what the allocator notes around it.
        let needed =
            layout.size().checked_add(layout.align()).and_then(|size| size.checked_add(1024)).ok_or(())?;
        let pages = needed.div_ceil(PAGE);
        let (pages, before) = match talc.source.end {
            None => grow(pages.max(MANY)).or_else(|()| grow(pages)),
            Some(_) => grow(pages),
        }?;
        let (start, size) = (std::ptr::with_exposed_provenance_mut::<u8>(before * PAGE), pages * PAGE);
        talc.source.end = match talc.source.end {
            // SAFETY: the host has put these pages behind those that the allocator has, and nobody else has them.
            Some(end) if end.as_ptr() == start => Some(unsafe { talc.extend(end, start.wrapping_add(size)) }),
            // SAFETY: the host has just made these pages, and nobody else has them.
            Some(_) | None => Some(unsafe { talc.claim(start, size) }.ok_or(())?),
        };
        Ok(())
    }
}

/// Asks the host for so many pages: their number, and that of the pages before them.
fn grow(pages: usize) -> Result<(usize, usize), ()> {
    match memory_grow::<0>(pages) {
        usize::MAX => Err(()),
        before => Ok((pages, before)),
    }
}
