//! `include/ropewalk.h` in Rust, and the only unsafe code of the door: loading, and calling.

use libloading::Library;
use std::error::Error;
use std::ffi::{CStr, c_char, c_void};
use std::path::Path;

/// `ROPEWALK_VERSION`.
pub(super) const VERSION: u32 = 1;

/// `ropewalk_about_t`.
#[repr(C)]
struct RawAbout {
    version: u32,
    dtypes: u32,
    layouts: u32,
    directions: u32,
    features: u32,
    max_head_dim: u32,
    min_position: i64,
    max_position: i64,
    name: *const c_char,
    kernel_version: *const c_char,
    homepage: *const c_char,
}

/// `ropewalk_tensor_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RawTensor {
    pub(super) input: *const c_void,
    pub(super) output: *mut c_void,
    pub(super) in_strides: [i64; 4],
    pub(super) out_strides: [i64; 4],
    pub(super) heads: i64,
}

/// `ropewalk_call_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RawCall {
    pub(super) version: u32,
    pub(super) dtype: i32,
    pub(super) layout: i32,
    pub(super) direction: i32,
    pub(super) batch: i64,
    pub(super) seq: i64,
    pub(super) head_dim: i64,
    pub(super) rotary_dim: i64,
    pub(super) rotary_offset: i64,
    pub(super) q: RawTensor,
    pub(super) k: RawTensor,
    pub(super) positions: *const c_void,
    pub(super) position_strides: [i64; 2],
    pub(super) position_bits: i32,
    pub(super) reserved: i32,
    pub(super) rope_theta: f64,
    pub(super) attention_factor: f64,
    pub(super) inv_freq: *const f64,
    pub(super) cos: *const c_void,
    pub(super) sin: *const c_void,
}

type Entry = unsafe extern "C" fn(*const RawCall) -> i32;

/// What a library says of itself.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) homepage: String,
    pub(super) dtypes: u32,
    pub(super) layouts: u32,
    pub(super) directions: u32,
    pub(super) features: u32,
    pub(super) max_head_dim: u32,
    /// Least and largest, if limited.
    pub(super) positions: Option<(i64, i64)>,
}

/// A library in this process.
pub(super) struct Loaded {
    pub(super) about: About,
    rotate: Option<Entry>,
    apply: Option<Entry>,
    /// Keeps the code of the entries where it is.
    _library: Library,
}

/// Which entry is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Rotate,
    Apply,
}

/// An error with all of its reasons: the loader's own words come last.
fn because(error: &dyn Error) -> String {
    match error.source() {
        Some(reason) => format!("{error}: {}", because(reason)),
        None => error.to_string(),
    }
}

impl Loaded {
    /// Loads a library and asks it what it is. The names of its functions begin with `prefix`.
    pub(super) fn new(path: &Path, prefix: &str) -> Result<Loaded, String> {
        // SAFETY: loading runs the library's initialisers, which may do anything. That is what
        // the caller asked for, in a process that holds nothing else.
        let library = unsafe { Library::new(path) }.map_err(|e| because(&e))?;
        let about_name = format!("{prefix}_about");
        // SAFETY: the symbol has the type that the header gives a function of this name. The
        // reference that it returns is read at once, while the library is loaded.
        let about = unsafe {
            let about = library.get::<unsafe extern "C" fn() -> *const RawAbout>(&*about_name);
            let about = about.map_err(|_| format!("it exports no function {about_name}"))?;
            About::read(about().as_ref().ok_or(format!("{about_name} returned NULL"))?)?
        };
        let entry = |name: &str| {
            // SAFETY: as above; a function pointer stays valid as long as the library is loaded,
            // and it is kept beside the pointer.
            unsafe { library.get::<Entry>(&*format!("{prefix}_{name}")) }.ok().map(|entry| *entry)
        };
        let (rotate, apply) = (entry("rotate"), entry("apply"));
        if rotate.is_none() && apply.is_none() {
            return Err(format!("it exports neither {prefix}_rotate nor {prefix}_apply"));
        }
        Ok(Loaded { about, rotate, apply, _library: library })
    }

    /// Whether an entry is there.
    pub(super) fn has(&self, which: Which) -> bool {
        self.entry(which).is_some()
    }

    fn entry(&self, which: Which) -> Option<Entry> {
        match which {
            Which::Rotate => self.rotate,
            Which::Apply => self.apply,
        }
    }

    /// Calls it. The pointers in `call` must be valid for what the header says of them.
    pub(super) fn call(&self, which: Which, call: &RawCall) -> i32 {
        match self.entry(which) {
            // SAFETY: every pointer in the call leads into a buffer that lives until the call has
            // returned and to which no reference is held meanwhile (`call.rs` sees to both). What
            // the library does beyond its rights, it does to this process alone.
            Some(entry) => unsafe { entry(call) },
            None => 1,
        }
    }
}

impl About {
    /// SAFETY of the caller: the pointers are NULL or lead to strings that end in a zero byte.
    unsafe fn read(raw: &RawAbout) -> Result<About, String> {
        if raw.version != VERSION {
            return Err(format!(
                "it was built for version {} of ropewalk.h, this program has {VERSION}",
                raw.version
            ));
        }
        let text = |pointer: *const c_char| match pointer.is_null() {
            true => String::new(),
            // SAFETY: not NULL, and a C string by the header's word.
            false => unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned(),
        };
        let limited = (raw.min_position, raw.max_position) != (0, 0);
        Ok(About {
            name: text(raw.name),
            version: text(raw.kernel_version),
            homepage: text(raw.homepage),
            dtypes: raw.dtypes,
            layouts: raw.layouts,
            directions: raw.directions,
            features: raw.features,
            max_head_dim: raw.max_head_dim,
            positions: limited.then_some((raw.min_position, raw.max_position)),
        })
    }
}
