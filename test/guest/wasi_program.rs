// SPDX-License-Identifier: Apache-2.0
// What an ordinary Rust program does with its system; test/conformance/wasi_programs.py compares the output.
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write, Seek, SeekFrom};
use std::{env, fs, process, time};
fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    println!("args {:?} FOO={:?}", args, env::var("FOO").ok());
    let mut words = BTreeMap::new();
    for line in io::stdin().lock().lines() {
        for w in line.unwrap().split_whitespace() { *words.entry(w.to_string()).or_insert(0) += 1; }
    }
    println!("{:?}", words);
    fs::create_dir_all("/data/rust/deep/dir").unwrap();
    fs::write("/data/rust/deep/dir/f.txt", "written by rust\n").unwrap();
    let mut f = fs::OpenOptions::new().read(true).append(true).open("/data/rust/deep/dir/f.txt").unwrap();
    f.write_all(b"appended\n").unwrap();
    f.seek(SeekFrom::Start(0)).unwrap();
    let mut s = String::new(); f.read_to_string(&mut s).unwrap();
    print!("{}", s);
    println!("len {}", f.metadata().unwrap().len());
    fs::rename("/data/rust/deep/dir/f.txt", "/data/rust/g.txt").unwrap();
    let mut names: Vec<_> = fs::read_dir("/data/rust").unwrap().map(|e| { let e = e.unwrap(); (e.file_name().into_string().unwrap(), e.file_type().unwrap().is_dir()) }).collect();
    names.sort();
    println!("{:?}", names);
    println!("{:?}", fs::read("/data/none").map_err(|e| e.kind()));
    println!("{:?}", fs::read("/data/../etc/passwd").map_err(|e| e.kind()));
    fs::remove_dir_all("/data/rust").unwrap();
    let t = time::Instant::now();
    std::thread::sleep(time::Duration::from_millis(15));
    assert!(t.elapsed() >= time::Duration::from_millis(15));
    assert!(time::SystemTime::now().duration_since(time::UNIX_EPOCH).unwrap().as_secs() > 1_700_000_000);
    let v: Vec<u64> = (0..100000).map(|i| i * i % 7919).collect();
    println!("{}", v.iter().sum::<u64>());
    io::stderr().write_all(b"to stderr\n").unwrap();
    process::exit(args.len() as i32 + 10);
}
