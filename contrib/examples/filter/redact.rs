// SPDX-License-Identifier: Apache-2.0
// The plugin in Rust, without mote_guest.h: strings are addresses and lengths, and the host's function an import.
#[link(wasm_import_module = "mote")]
extern "C" {
    fn setting(name: *const u8, len: usize, value: *mut [usize; 2]);
}

// Memory for what comes from the host; whoever gets it owns it.
#[no_mangle]
pub extern "C" fn mote_alloc(len: usize) -> *mut u8 {
    Box::into_raw(vec![0u8; len].into_boxed_slice()) as *mut u8
}

unsafe fn take(at: usize, len: usize) -> String {
    String::from_utf8_lossy(&Vec::from_raw_parts(at as *mut u8, len, len)).into_owned()
}

#[no_mangle]
pub unsafe extern "C" fn filter(text: usize, len: usize) -> *const [usize; 2] {
    let mut value = [0; 2];
    setting("WORD".as_ptr(), 4, &mut value);
    let word = take(value[0], value[1]);
    let line = take(text, len).replace(&word, &"*".repeat(word.len()));
    let result = Box::leak(line.into_boxed_str());
    Box::into_raw(Box::new([result.as_ptr() as usize, result.len()]))
}

#[no_mangle]
pub unsafe extern "C" fn cabi_post_filter(result: *mut [usize; 2]) {
    let [at, len] = *Box::from_raw(result);
    drop(take(at, len));
}
