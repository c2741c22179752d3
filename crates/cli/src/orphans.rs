//! Whatever an adapter leaves behind, ended: also what left its process group and forked again.
//!
//! On Linux this process becomes the parent of every descendant whose own parent has gone
//! (a subreaper), so that none is lost. Elsewhere only the group is ended.

/// While it lives, orphans come here; when it goes, they end.
pub struct Orphans(());

impl Orphans {
    /// From now on.
    pub fn adopt() -> Orphans {
        #[cfg(target_os = "linux")]
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        Orphans(())
    }
}

#[cfg(target_os = "linux")]
impl Drop for Orphans {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
        // The children of one that ends come here in turn.
        for _ in 0..64 {
            let children = children();
            if children.is_empty() {
                return;
            }
            for pid in children.into_iter().filter_map(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
                let _ = waitpid(Some(pid), WaitOptions::empty());
            }
        }
    }
}

/// The processes whose parent this one is.
#[cfg(target_os = "linux")]
fn children() -> Vec<i32> {
    let own = std::process::id();
    let Ok(entries) = std::fs::read_dir("/proc") else { return vec![] };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_ours = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // "pid (name) state parent …", where a name may hold anything.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        parent.and_then(|parent| parent.parse().ok()) == Some(own)
    };
    pids.filter(is_ours).collect()
}
