//! Many contexts in one Lua state: the switch between native stacks, and the only unsafe code of the script resource
//! (`docs/adr/0007-many-contexts-in-one-lua-state.md`).
//!
//! A [`Context`] is one run of a Lua function, a main chunk or a callback, on a Lua thread and a native stack of its own.
//! [`Context::resume`] runs it until it pauses: to sleep, to wait for a future, or because its slice of time is over.
//! All contexts of a state stay on one OS thread.
//!
//! # What makes it sound
//!
//! 1. mlua keeps a "current state" that each of its callbacks sets and restores, as on a stack. So **a context pauses only
//!    while that state is the main state**, that is, while no mlua callback is on its native stack ([`Link::may_pause`]).
//!    Scripts never run on the main state, so "current is main" means just that.
//! 2. From this follows that no Rust frame with a destructor lies on a paused stack: there are Lua's own frames in C, and
//!    the functions of this file, which hold nothing that needs a drop where they pause, raise an error or call Lua.
//!    So a paused stack may be thrown away ([`Drop`] of [`Context`]); its Lua thread becomes garbage.
//! 3. Whatever may allocate in Lua runs protected: on the main state within `exec_raw`, or within the `lua_pcall` of a
//!    context. An unprotected error would end the process. mlua protects its own calls only in states with a memory limit,
//!    so every state has one, be it immense.
//! 4. Neither contexts nor states change their thread; the thread-local values of this file belong to that thread.
#![allow(unsafe_code)]

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    ffi::CStr,
    future::Future,
    os::raw::c_int,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use corosensei::{Coroutine, CoroutineResult, Yielder, stack::DefaultStack};
use edgebind_kernel::clock;
use mlua::{
    Function, Lua, LuaOptions, MultiValue, StdLib, Thread, Value,
    ffi::{self, lua_State},
};

use super::{natives::Finish, signals::Signals};

/// A state, and what its contexts share.
pub(super) struct Machine {
    lua: Lua,
    main: *mut lua_State,
    signals: Arc<Signals>,
    /// Lua threads whose contexts have ended, to be used again.
    idle: RefCell<Vec<Thread>>,
    /// Kilobytes in use after the last full collection that a sleep has made.
    settled_kb: Cell<c_int>,
}

/// One run of a Lua function.
pub(super) struct Context {
    machine: Rc<Machine>,
    thread: Option<Thread>,
    coroutine: Option<Stackful>,
    /// Boxed: the native stack knows its address. Dropped after the coroutine.
    link: Box<Link>,
}

/// What a future leads to, before it is known.
pub(super) type Wait = Pin<Box<dyn Future<Output = Finish>>>;

/// Why a context gave its stack back.
pub(super) enum Pause {
    /// It waits for this; then [`Context::resolve`].
    Wait(Wait),
    /// It sleeps, until it is told to stop at the latest.
    Sleep(Duration),
    /// Others are to have their turn.
    Breathe,
}

/// What became of a resumed context.
pub(super) enum Step {
    /// It goes on later.
    Paused(Pause),
    /// The function has returned or failed.
    Done(Outcome),
}

/// How a function ended.
pub(super) enum Outcome {
    /// With these results.
    Returned(MultiValue),
    /// With this error.
    Failed {
        /// The error value: mostly a string with file and line in front.
        error: Value,
        /// Where it happened, line by line.
        traceback: String,
    },
}

type Stackful = Coroutine<(), Pause, c_int>;

impl Machine {
    /// A new state with the whole standard library; `memory_bytes` limits its heap.
    pub(super) fn new(signals: Arc<Signals>, memory_bytes: Option<usize>) -> mlua::Result<Rc<Self>> {
        // Panics are caught by the glue: scripts get Lua's own pcall. Scripts of the original may load bytecode
        // and C libraries, so the state is not a "safe" one.
        // SAFETY: what a script breaks by that is its own process, as in the original.
        let lua = unsafe { Lua::unsafe_new_with(StdLib::ALL, LuaOptions::new().catch_rust_panics(false)) };
        lua.set_memory_limit(memory_bytes.unwrap_or(NO_LIMIT))?;
        let main = lua.exec_raw_lua(|raw| raw.state());
        Ok(Rc::new(Self {
            lua,
            main,
            signals,
            idle: RefCell::default(),
            settled_kb: Cell::new(FIRST_COLLECTION_KB),
        }))
    }

    /// The state.
    pub(super) const fn lua(&self) -> &Lua {
        &self.lua
    }

    /// What its contexts are told.
    pub(super) fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }

    fn idle_thread(&self) -> mlua::Result<Thread> {
        if let Some(thread) = self.idle.borrow_mut().pop() {
            return Ok(thread);
        }
        // SAFETY: the function is never run; a thread needs one to be made.
        let nothing = unsafe { self.lua.create_c_function(message_handler)? };
        self.lua.create_thread(nothing)
    }
}

impl Context {
    /// Puts `function` with its `arguments` (at most 15) on a stack of its own; it runs with the first
    /// [`Context::resume`].
    ///
    /// # Errors
    ///
    /// Not enough memory.
    pub(super) fn new(
        machine: &Rc<Machine>,
        function: &Function,
        arguments: MultiValue,
    ) -> mlua::Result<Self> {
        let stack = STACKS.with_borrow_mut(Vec::pop).map_or_else(|| DefaultStack::new(STACK_BYTES), Ok);
        let stack = stack.map_err(|error| mlua::Error::runtime(format!("no stack: {error}")))?;
        let thread = machine.idle_thread()?;
        let state = thread.state();
        let arguments_count = prepare(&machine.lua, state, function, arguments)?;
        let link = Box::new(Link {
            machine: Rc::clone(machine),
            yielder: Cell::new(std::ptr::null()),
            since: Cell::new(clock::now()),
            finish: RefCell::new(None),
        });
        let address: *const Link = &raw const *link;
        let coroutine = Coroutine::with_stack(stack, move |yielder, ()| {
            // SAFETY: the link is boxed and outlives the coroutine, which its context drops first. `run` needs what
            // `prepare` has put onto `state`.
            unsafe {
                (*address).yielder.set(yielder);
                run(state, arguments_count)
            }
        });
        Ok(Self { machine: Rc::clone(machine), thread: Some(thread), coroutine: Some(coroutine), link })
    }

    /// Runs it until it pauses or ends. Must not be called again after [`Step::Done`].
    pub(super) fn resume(&mut self) -> Step {
        let Some(coroutine) = &mut self.coroutine else { return Step::Done(Outcome::spent()) };
        self.link.since.set(clock::now());
        let before = CURRENT.replace(&raw const *self.link);
        let result = coroutine.resume(());
        CURRENT.set(before);
        match result {
            CoroutineResult::Yield(pause) => Step::Paused(pause),
            CoroutineResult::Return(status) => Step::Done(self.take_outcome(status)),
        }
    }

    /// Hands over what a [`Pause::Wait`] has led to.
    pub(super) fn resolve(&self, finish: Finish) {
        *self.link.finish.borrow_mut() = Some(finish);
    }

    fn take_outcome(&mut self, status: c_int) -> Outcome {
        let traceback = TRACEBACK.take();
        if let Some(coroutine) = self.coroutine.take() {
            keep(coroutine.into_stack());
        }
        let Some(thread) = self.thread.take() else { return Outcome::spent() };
        let (lua, state) = (&self.machine.lua, thread.state());
        // SAFETY: the context has ended, so `state` holds the message handler and the results, and nobody uses it.
        // What may raise an error runs on the protected state; `lua_xmove` has its room checked before.
        let values = unsafe {
            lua.exec_raw::<MultiValue>((), |protected| {
                let count = (ffi::lua_gettop(state) - 1).clamp(0, MAX_RESULTS);
                ffi::luaL_checkstack(protected, count, c"too many results".as_ptr());
                ffi::lua_settop(state, count + 1);
                ffi::lua_xmove(state, protected, count);
            })
        };
        // SAFETY: as above; popping does not raise errors.
        unsafe { ffi::lua_settop(state, 0) };
        let mut idle = self.machine.idle.borrow_mut();
        if idle.len() < IDLE_THREADS {
            idle.push(thread);
        }
        drop(idle);
        let outcome = match values {
            Ok(values) if status == 0 => Outcome::Returned(values),
            Ok(mut values) => Outcome::Failed { error: values.pop_front().unwrap_or(Value::Nil), traceback },
            Err(error) => {
                let error = lua.create_string(error.to_string()).map_or(Value::Nil, Value::String);
                Outcome::Failed { error, traceback }
            }
        };
        if status == ffi::LUA_ERRMEM {
            // 5.1 has no emergency collection: without these two, the next contexts fail as well. An error of a
            // finalizer changes nothing.
            let _ = lua.gc_collect().and_then(|()| lua.gc_collect());
        }
        outcome
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let Some(mut coroutine) = self.coroutine.take() else { return };
        // SAFETY: rule 2: nothing on that stack needs a drop.
        unsafe { coroutine.force_reset() };
        keep(coroutine.into_stack());
    }
}

impl Outcome {
    fn spent() -> Self {
        Self::Failed { error: Value::Nil, traceback: String::new() }
    }
}

/// Between a native stack and its context.
struct Link {
    machine: Rc<Machine>,
    /// Set when the coroutine starts; points into its stack.
    yielder: Cell<*const Yielder<(), Pause>>,
    /// When it was resumed.
    since: Cell<Instant>,
    finish: RefCell<Option<Finish>>,
}

impl Link {
    /// Rule 1: whether no mlua callback is on the native stack.
    fn may_pause(&self) -> bool {
        self.machine.lua.exec_raw_lua(|raw| raw.state()) == self.machine.main
    }

    /// Gives the stack back until the context is resumed. Only on this context's stack, and only if
    /// [`Link::may_pause`].
    fn pause(&self, pause: Pause) {
        // SAFETY: the coroutine has set it, and it is alive as long as this stack is.
        let yielder = unsafe { &*self.yielder.get() };
        yielder.suspend(pause);
    }
}

/// The context that runs on this thread now.
///
/// The reference is valid as long as the caller's frame: the link outlives the native stack it is used on.
fn current() -> Option<&'static Link> {
    let link = CURRENT.get();
    // SAFETY: `resume` sets it for the time in which the link's own stack runs, and the context borrows its link.
    unsafe { link.as_ref() }
}

/// Makes a Lua function of `start` and `finish` (see [`wrapped`]).
pub(super) fn glued(lua: &Lua, start: Function, finish: Function) -> mlua::Result<Function> {
    // SAFETY: protected; the two functions are on the stack as `glue` wants its upvalues.
    unsafe { lua.exec_raw((start, finish), |state| ffi::lua_pushcclosure(state, glue, 2)) }
}

/// `tw_utils.psleep`.
pub(super) fn sleep_function(lua: &Lua) -> mlua::Result<Function> {
    // SAFETY: it keeps the rules of this file.
    unsafe { lua.create_c_function(psleep) }
}

/// Keeps what a native function waits for until `glue` takes it; the ticket is its result.
pub(super) fn put_wait(wait: Wait) -> i32 {
    SLOTS.with_borrow_mut(|slots| {
        // Not one that somebody still holds after two thousand million others.
        let ticket = loop {
            slots.next = slots.next.wrapping_add(1) & MAX_TICKET;
            if !slots.waits.contains_key(&slots.next) && !slots.finishes.contains_key(&slots.next) {
                break slots.next;
            }
        };
        slots.waits.insert(ticket, wait);
        ticket
    })
}

/// What the wait of this ticket has led to.
pub(super) fn take_finish(ticket: i32) -> Option<Finish> {
    SLOTS.with_borrow_mut(|slots| slots.finishes.remove(&ticket))
}

/// A library function. Upvalue 1 starts it: it returns `true` and the results, `false` and a message, or the ticket of a
/// wait; upvalue 2 makes the former of the latter when the wait is over. Both are mlua functions that raise no error
/// of their own.
unsafe extern "C-unwind" fn glue(state: *mut lua_State) -> c_int {
    // SAFETY: a C function has room for 20 values beyond its arguments. No value that needs a drop is held here.
    unsafe {
        let arguments = ffi::lua_gettop(state);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, arguments, ffi::LUA_MULTRET);
        if ffi::lua_type(state, 1) == ffi::LUA_TNUMBER {
            // No other number comes from there.
            if let Some(refusal) = wait(ffi::lua_tonumber(state, 1) as i32) {
                ffi::luaL_error(state, c"%s".as_ptr(), refusal.as_ptr());
            }
            ffi::lua_settop(state, 1);
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(2));
            ffi::lua_insert(state, 1);
            ffi::lua_call(state, 1, ffi::LUA_MULTRET);
        }
        if ffi::lua_toboolean(state, 1) == 0 {
            ffi::luaL_where(state, 1);
            ffi::lua_pushvalue(state, 2);
            ffi::lua_concat(state, 2);
            ffi::lua_error(state);
        }
        ffi::lua_gettop(state) - 1
    }
}

/// Waits for what was put under `ticket`; its outcome comes under the same ticket. Or says why it cannot.
fn wait(ticket: i32) -> Option<&'static CStr> {
    let wait = SLOTS.with_borrow_mut(|slots| slots.waits.remove(&ticket))?;
    let Some(link) = current().filter(|link| link.may_pause()) else {
        // A finalizer that runs within a library function, or without any context.
        return Some(c"cannot wait here");
    };
    link.pause(Pause::Wait(wait));
    let finish = link.finish.borrow_mut().take()?;
    SLOTS.with_borrow_mut(|slots| slots.finishes.insert(ticket, finish));
    None
}

/// Sleeps for so many milliseconds; returns the kilobytes in use.
unsafe extern "C-unwind" fn psleep(state: *mut lua_State) -> c_int {
    // SAFETY: as for `glue`.
    unsafe {
        if ffi::lua_gettop(state) < 1 {
            ffi::luaL_error(state, c"This functon requires at least 1 parameters".as_ptr());
        }
        let millis = ffi::luaL_checknumber(state, 1).clamp(0.0, MAX_SLEEP_MS);
        let span = Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default();
        match current() {
            Some(link) if link.may_pause() => {
                if span >= COLLECTING_SLEEP {
                    collect(state, &link.machine);
                }
                link.pause(Pause::Sleep(span));
            }
            // In a function that Rust has called, or in a finalizer outside of any context: the whole thread waits,
            // so not for long.
            _ => std::thread::sleep(span.min(BLOCKING_SLEEP)),
        }
        if let Some(link) = current().filter(|link| link.machine.signals.is_killed()) {
            stop(state, link);
        }
        ffi::lua_pushnumber(state, f64::from(ffi::lua_gc(state, ffi::LUA_GCCOUNT, 0)));
        1
    }
}

/// The original collects garbage in every longer sleep. A thousand scripts that wake twice a second would do little else:
/// so only after growth, and a large heap is left to Lua's own pace.
unsafe fn collect(state: *mut lua_State, machine: &Machine) {
    // SAFETY: an error of a finalizer becomes an error of the sleep, which nothing with a drop sees.
    unsafe {
        let used_kb = ffi::lua_gc(state, ffi::LUA_GCCOUNT, 0);
        let settled_kb = machine.settled_kb.get();
        if used_kb > settled_kb.saturating_add(settled_kb / 2) && used_kb < LARGE_HEAP_KB {
            // First, in case a finalizer fails.
            machine.settled_kb.set(used_kb);
            ffi::lua_gc(state, ffi::LUA_GCCOLLECT, 0);
            machine.settled_kb.set(ffi::lua_gc(state, ffi::LUA_GCCOUNT, 0).max(FIRST_COLLECTION_KB));
        }
    }
}

/// Runs every [`HOOK_INSTRUCTIONS`]: gives way when the slice is over.
unsafe extern "C-unwind" fn hook(state: *mut lua_State, _: *mut ffi::lua_Debug) {
    let Some(link) = current() else { return };
    if clock::now().saturating_duration_since(link.since.get()) < SLICE {
        return;
    }
    if link.may_pause() {
        link.pause(Pause::Breathe);
    } else if link.machine.signals.is_killed() {
        // SAFETY: a hook may raise errors.
        unsafe { stop(state, link) };
    }
}

/// Raises the error of a killed script where the context cannot be thrown away: and again with every instruction, so
/// that no pcall holds it.
unsafe fn stop(state: *mut lua_State, link: &Link) {
    // SAFETY: the caller may raise errors.
    unsafe {
        link.since.set(link.since.get().checked_sub(SLICE).unwrap_or(link.since.get()));
        ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, 1);
        ffi::luaL_error(state, c"script stopped".as_ptr());
    }
}

/// Leaves the error as it is, and notes where it happened.
unsafe extern "C-unwind" fn message_handler(state: *mut lua_State) -> c_int {
    // SAFETY: the string is copied before it is popped, with no call to Lua between.
    unsafe {
        ffi::luaL_traceback(state, state, std::ptr::null(), 1);
        let mut length = 0;
        let text = ffi::lua_tolstring(state, -1, &raw mut length);
        if !text.is_null() {
            let bytes = std::slice::from_raw_parts(text.cast::<u8>(), length);
            TRACEBACK.set(String::from_utf8_lossy(bytes).into_owned());
        }
        ffi::lua_settop(state, -2);
    }
    1
}

/// Puts message handler, function and arguments onto the empty Lua thread `state`; returns how many arguments.
fn prepare(
    lua: &Lua,
    state: *mut lua_State,
    function: &Function,
    arguments: MultiValue,
) -> mlua::Result<c_int> {
    let mut count = 0;
    // SAFETY: all that may raise an error happens on the protected state. A Lua thread has room for 20 values without a
    // check: one more than there are arguments, twice.
    unsafe {
        lua.exec_raw::<()>((function, arguments), |protected| {
            count = ffi::lua_gettop(protected);
            if count > MAX_ARGUMENTS {
                ffi::luaL_error(protected, c"too many arguments".as_ptr());
            }
            ffi::lua_pushcfunction(protected, message_handler);
            ffi::lua_insert(protected, 1);
            ffi::lua_settop(state, 0);
            // The last user of the thread may have changed its globals by setfenv(0, ..).
            ffi::lua_pushvalue(protected, ffi::LUA_GLOBALSINDEX);
            ffi::lua_xmove(protected, state, 1);
            ffi::lua_replace(state, ffi::LUA_GLOBALSINDEX);
            ffi::lua_xmove(protected, state, count + 1);
        })?;
        ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
    }
    Ok(count - 1)
}

/// Calls what [`prepare`] has put there.
///
/// # Safety
///
/// Only on the context's own stack, once.
unsafe fn run(state: *mut lua_State, arguments: c_int) -> c_int {
    // SAFETY: see above; no value that needs a drop is held here.
    unsafe { ffi::lua_pcall(state, arguments, ffi::LUA_MULTRET, 1) }
}

/// Keeps a few stacks for the next contexts of this thread.
fn keep(stack: DefaultStack) {
    STACKS.with_borrow_mut(|stacks| {
        if stacks.len() < IDLE_STACKS {
            stacks.push(stack);
        }
    });
}

#[derive(Default)]
struct Slots {
    next: i32,
    waits: HashMap<i32, Wait>,
    finishes: HashMap<i32, Finish>,
}

thread_local! {
    static CURRENT: Cell<*const Link> = const { Cell::new(std::ptr::null()) };
    static SLOTS: RefCell<Slots> = RefCell::default();
    static STACKS: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
    static TRACEBACK: Cell<String> = const { Cell::new(String::new()) };
}

/// Lua looks at the clock this often; no measurable cost.
const HOOK_INSTRUCTIONS: c_int = 1000;
/// A context that computes gives way after this.
const SLICE: Duration = Duration::from_millis(1);
/// Address space, of which only touched pages cost memory: about 15 kB. A gsub whose callback calls gsub, 200 levels deep,
/// needs nearly 2 MiB.
const STACK_BYTES: usize = if cfg!(target_pointer_width = "64") { 2 << 20 } else { 512 << 10 };
const IDLE_STACKS: usize = 8;
const IDLE_THREADS: usize = 32;
const MAX_ARGUMENTS: c_int = 16;
/// More results of a main chunk or callback than anybody reads.
const MAX_RESULTS: c_int = 200;
/// No limit, but one for mlua to see (rule 3).
const NO_LIMIT: usize = usize::MAX >> 2;
const MAX_TICKET: i32 = i32::MAX;
/// About 30 years.
const MAX_SLEEP_MS: f64 = 1e12;
/// From here on the original collects garbage.
const COLLECTING_SLEEP: Duration = Duration::from_millis(10);
const BLOCKING_SLEEP: Duration = Duration::from_millis(10);
const FIRST_COLLECTION_KB: c_int = 24;
const LARGE_HEAP_KB: c_int = 8 << 10;
