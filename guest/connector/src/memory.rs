//! The component's memory: crate `talc`, over a stock that the component brings along.
//!
//! Each call has a fresh instance, which makes a hundred small blocks and is thrown away. To ask the host for memory, which
//! changes its page tables, takes as long as the rest of a send. So a send with a few kilobytes of content does not ask, and one
//! with more asks once.

use std::alloc::Layout;
use std::arch::wasm32::memory_grow;
use std::ptr::NonNull;

use talc::base::Talc;
use talc::base::binning::Binning;
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

/// Bytes that are there from the start.
const FIRST: usize = 32 * 1024;
/// Bytes of a page of WebAssembly.
const PAGE: usize = 64 * 1024;
/// How many pages are asked for at first: a batch of 512 KiB of content takes no more.
const MANY: usize = 20;

#[global_allocator]
static MEMORY: TalcSyncCell<Stock, WasmBinning> = TalcSyncCell::new_wasm(Stock { first: true, end: None });

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
