"""PAM configuration as libpam assembles it, and a walk of a stack as libpam would walk it.

    pam = PamConfig({"/etc/pam.d/sshd": b"...", "/etc/pam.d/common-auth": b"..."})
    pam.services()                                 # ["login", "sshd", ...]
    pam.stack("sshd", "auth")                      # the handlers, includes resolved, `other` as fallback
    pam.walk("sshd", "auth", outcomes)             # [Walk(result="success", steps=(...)), ...]

`outcomes` says what a module returns: a function of the `Handler` that gives one return code or several
("auth_err", ("success", "ignore")), all of which are then explored. A judge asks in this way what happens
("with a wrong password, does every way end in a failure, and is it counted?") and never searches text.

    first = pam.walk("login", "auth", outcomes)[0]
    pam.walk("login", "auth", credentials, frozen=first)  # pam_setcred keeps to the frozen chain

Nothing here raises on any input, does I/O, or knows what a module does. This file is also the Ansible
module's (`module_utils/kijun_pam_stack.py` is a link to it), so it needs nothing beyond Python 3.9.

Source: Linux-PAM 1.5.2 and 1.7.0, `libpam/pam_handlers.c`, `pam_dispatch.c`, `pam_misc.c`; Debian's patches
`031_pam_include` (`@include`) and `045_pam_dispatch_jump_is_ignore`; pam.conf(5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

PHASES = ("auth", "account", "password", "session")
RETURNS = (
    "success", "open_err", "symbol_err", "service_err", "system_err", "buf_err", "perm_denied", "auth_err",
    "cred_insufficient", "authinfo_unavail", "user_unknown", "maxtries", "new_authtok_reqd", "acct_expired",
    "session_err", "cred_unavail", "cred_expired", "cred_err", "no_module_data", "conv_err", "authtok_err",
    "authtok_recover_err", "authtok_lock_busy", "authtok_disable_aging", "try_again", "ignore", "abort",
    "authtok_expired", "module_unknown", "bad_item", "conv_again", "incomplete",
)  # fmt: skip
MUST_FAIL = "perm_denied"  # PAM_MUST_FAIL_CODE
_ACTIONS = ("ignore", "ok", "done", "bad", "die", "reset")
_KEYWORDS = {
    "required": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "bad"},
    "requisite": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "die"},
    "optional": {"success": "ok", "new_authtok_reqd": "ok", "default": "ignore"},
    "sufficient": {"success": "done", "new_authtok_reqd": "done", "default": "ignore"},
}
_BLANK = " \t\n"
_MAX_DEPTH = 16  # PAM_SUBSTACK_MAX_LEVEL
_MAX_HANDLERS = 2000
_MAX_WALKS = 4096

if TYPE_CHECKING:  # Python 3.9 could not evaluate these
    Action = str | int  # an int jumps over that many modules
    Outcomes = Callable[["Handler"], str | Sequence[str]]


@dataclass(frozen=True)
class Handler:
    """One entry of an assembled stack: a "module", a "substack" marker, or "broken", which always fails."""

    kind: str
    module: str  # base name, "pam_unix.so"; of a substack, the file's name
    args: tuple[str, ...]
    actions: Mapping[str, Action]  # by return code; "default" covers the rest
    level: int  # depth of substacks
    path: str
    line: int
    control: str = ""  # as written
    module_path: str = ""  # as written: "pam_unix.so", "/opt/x/pam_unix.so"

    def action(self, code: str) -> Action:
        """Return what the control says of `code`."""
        return self.actions.get(code, self.actions.get("default", "bad"))

    @property
    def where(self) -> str:
        """`path:line`, for messages."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Step:
    """A handler that was called, and what it returned."""

    handler: Handler
    code: str
    index: int


@dataclass(frozen=True)
class Walk:
    """One way through a stack: what PAM tells the application, and which modules ran on the way."""

    result: str
    steps: tuple[Step, ...]
    bad_jump: bool = False  # a jump beyond the end of the stack: libpam fails then

    @property
    def granted(self) -> bool:
        """Whether the application is told success."""
        return self.result == "success"

    def called(self, module: str, *args: str) -> list[Step]:
        """Return the steps that ran `module` with all of `args` among its arguments."""
        return [s for s in self.steps if s.handler.module == module and set(args) <= set(s.handler.args)]


class _Abort(Exception):  # noqa: N818 - PAM_ABORT while loading, never leaves this module
    """libpam gives up on the whole configuration of the service."""


class _Line(NamedTuple):
    words: list[str]
    number: int


class _Frame(NamedTuple):
    """Where a line is being read: file, phase being assembled, the phase an include asked for, depths."""

    path: str
    phase: str
    wanted: str | None
    depth: int  # of includes
    level: int  # of substacks


@dataclass
class PamConfig:
    """The PAM configuration of a host: file contents by absolute path (`/etc/pam.d/*`, `/usr/lib/pam.d/*`,
    `/etc/pam.conf`)."""

    files: Mapping[str, bytes | str]
    _stacks: dict[tuple[str, str], tuple[Handler, ...] | None] = field(default_factory=dict)

    def services(self) -> list[str]:
        """Return the names of services that have a file; no shared `common-*` fragments, no leftovers."""
        names = set()
        for path in self.files:
            folder, _, name = path.rpartition("/")
            if folder in {"/etc/pam.d", "/usr/lib/pam.d"} and is_service(name):
                names.add(name)
        with suppress(_Abort):  # then libpam reads nothing from it either
            names.update(w[0].lower() for w, _ in self._lines("/etc/pam.conf") if is_service(w[0]))
        return sorted(names)

    def stack(self, service: str, phase: str) -> tuple[Handler, ...] | None:
        """Return the stack PAM walks for `service` in `phase`; None where libpam refuses to load any of it.

        A service without a line for the phase gets the stack of `other`, as in `_pam_dispatch`.
        """
        key = (service, phase)
        if key not in self._stacks:
            try:
                self._stacks[key] = tuple(self._own(service, phase) or self._own("other", phase))
            except _Abort:
                self._stacks[key] = None
        return self._stacks[key]

    def walk(self, service: str, phase: str, outcomes: Outcomes, frozen: Walk | None = None) -> list[Walk]:
        """Return every way through the stack of `service` for `phase` that `outcomes` leaves open.

        With `frozen`, the actions are those the earlier walk's return codes chose (pam_setcred after
        pam_authenticate; the second pass of pam_chauthtok is a walk of its own). An empty or unloadable stack
        fails. The list is empty only where there are more than 4,096 ways, which nobody can judge.
        """
        stack = self.stack(service, phase)
        if not stack:
            return [Walk("abort" if stack is None else MUST_FAIL, ())]
        cached = {step.index: step.code for step in frozen.steps} if frozen else None
        return _explore(stack, outcomes, cached)

    def _own(self, service: str, phase: str) -> list[Handler]:
        for path in (f"/etc/pam.d/{service}", f"/usr/lib/pam.d/{service}"):
            if path in self.files:
                return self._load(_Frame(path, phase, None, 0, 0))
        out: list[Handler] = []
        for line in self._lines("/etc/pam.conf"):
            if line.words[0].lower() == service.lower():
                rest = _Line(line.words[1:], line.number)
                self._entry(rest, _Frame("/etc/pam.conf", phase, None, 0, 0), out)
        return out

    def _load(self, frame: _Frame) -> list[Handler]:
        """Assemble the lines of one file that belong to the frame's phase."""
        if frame.depth >= _MAX_DEPTH:
            raise _Abort
        out: list[Handler] = []
        for line in self._lines(frame.path):
            self._entry(line, frame, out)
            if len(out) > _MAX_HANDLERS:
                raise _Abort
        return out

    def _entry(self, line: _Line, frame: _Frame, out: list[Handler]) -> None:
        words = list(line.words)
        kind = words.pop(0).lower() if words else ""
        if kind == "@include":
            self._include(words, line, frame, out)
            return
        kind = kind[1:] if kind.startswith("-") else kind
        broken = kind not in PHASES
        if broken:
            kind = frame.wanted or "auth"  # libpam puts what it cannot read where it hurts most
        if kind != frame.phase or (frame.wanted is not None and kind != frame.wanted):
            return
        control = words.pop(0) if words else ""
        if control.lower() in {"include", "substack"} and not broken:
            deeper = control.lower() == "substack"
            if deeper:
                out.append(_handler("substack", words[:1], control, line, frame))
            self._include(words, line, frame._replace(wanted=kind, level=frame.level + deeper), out)
            return
        out.append(
            _handler("module" if control and words and not broken else "broken", words, control, line, frame)
        )

    def _include(self, words: list[str], line: _Line, frame: _Frame, out: list[Handler]) -> None:
        name = words[0] if words else ""
        target = name if name.startswith("/") else f"/etc/pam.d/{name}"
        try:
            if not name or target not in self.files:
                raise _Abort
            out.extend(self._load(frame._replace(path=target, depth=frame.depth + 1)))
        except _Abort:  # libpam puts a handler that always fails where an include did not work
            out.append(_handler("broken", words[:1], "include", line, frame))

    def _lines(self, path: str) -> list[_Line]:
        content = self.files.get(path, b"")
        text = content.decode("latin-1") if isinstance(content, bytes) else content
        return [_Line(words, number) for number, body in _assemble(text) if (words := tokens(body))]


def is_service(name: str) -> bool:
    """Whether a file of that name can be a program's service (no shared fragment, no package leftover)."""
    leftover = name.endswith("~") or ".dpkg-" in name or name.endswith((".pam-old", ".pam-new", ".ucf-old"))
    return bool(name) and not name.startswith(("common-", ".")) and not leftover


def tokens(text: str) -> list[str]:
    """Split a line as `_pam_tokenize` does: on blanks; `[...]` is one word, its brackets kept here."""
    words: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at] in _BLANK:
            at += 1
        if at >= len(text):
            return words
        start = at
        if text[at] == "[":
            while at < len(text) and text[at] != "]":
                at += 2 if text.startswith("\\]", at) else 1
            words.append("[" + text[start + 1 : at].replace("\\]", "]") + "]")
            at += 1
        else:
            while at < len(text) and text[at] not in _BLANK:
                at += 1
            words.append(text[start:at])


def parse_control(control: str) -> dict[str, Action]:
    """Return the action for each return code of a control field; what libpam cannot parse is all "bad"."""
    if control.lower() in _KEYWORDS:
        return dict(_KEYWORDS[control.lower()])
    body = control[1:-1] if control.startswith("[") and control.endswith("]") else control
    found: dict[str, Action] = {}
    rest = body.lstrip()
    while rest:
        code = next((c for c in (*RETURNS, "default") if rest.startswith(c)), None)
        if code is None:
            return {"default": "bad"}
        rest = rest[len(code) :].lstrip()
        if not rest.startswith("="):
            return {"default": "bad"}
        rest = rest[1:].lstrip()
        word = next((a for a in _ACTIONS if rest.startswith(a)), None)
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        if word is None and not digits.strip("0"):
            return {"default": "bad"}  # neither an action nor a jump, or a jump over nothing
        action: Action = word if word is not None else int(digits.lstrip("0")[:9])
        rest = rest[len(word if word is not None else digits) :].lstrip()
        if code != "default":
            found[code] = action
        elif "default" not in found:  # `default` fills only what is still open
            found["default"] = action
    return found


def _handler(kind: str, words: list[str], control: str, line: _Line, frame: _Frame) -> Handler:
    written = words[0] if words else ""
    args = tuple(w[1:-1] if w.startswith("[") else w for w in words[1:])
    name = written.rpartition("/")[2]
    actions = parse_control(control)
    return Handler(kind, name, args, actions, frame.level, frame.path, line.number, control, written)


def _assemble(text: str) -> list[tuple[int, str]]:
    """Join continued lines and drop comments; give each with the number of its first line.

    libpam refuses a file that ends within a continued line: _Abort.
    """
    lines: list[tuple[int, str]] = []
    held, first = "", 0
    for number, raw in enumerate(text.removesuffix("\n").split("\n"), 1):
        body, hash_sign, _ = raw.partition("#")
        stripped = raw.rstrip(" \t")
        first = first if held else number
        if not hash_sign and stripped.endswith("\\"):
            held += stripped[:-1] + " "
            continue
        if (held + body).strip(_BLANK):
            lines.append((first, held + body))
        held = ""
    if held.strip(_BLANK):
        raise _Abort
    return lines


@dataclass
class _State:
    at: int
    impression: int  # 0 undefined, 1 positive, -1 negative
    status: str
    saved: dict[int, tuple[int, str]]  # by substack level
    level: int  # of the entry before
    steps: tuple[Step, ...]
    bad_jump: bool = False


def _explore(stack: tuple[Handler, ...], outcomes: Outcomes, cached: Mapping[int, str] | None) -> list[Walk]:
    done: list[Walk] = []
    open_states = [_State(0, 0, MUST_FAIL, {0: (0, MUST_FAIL)}, 0, ())]
    while open_states:
        state = open_states.pop()
        if state.at >= len(stack):
            sound = state.status != "success" or state.impression == 1
            done.append(Walk(state.status if sound else MUST_FAIL, state.steps, state.bad_jump))
        else:
            open_states.extend(reversed(_next(stack, state, outcomes, cached)))
        if len(done) + len(open_states) > _MAX_WALKS:
            return []
    return done


def _next(
    stack: tuple[Handler, ...], state: _State, outcomes: Outcomes, cached: Mapping[int, str] | None
) -> list[_State]:
    handler = stack[state.at]
    saved = dict(state.saved)
    if state.level < handler.level:
        saved[handler.level] = (state.impression, state.status)
    if handler.kind == "substack":
        return [replace(state, at=state.at + 1, saved=saved, level=handler.level)]
    answer = MUST_FAIL if handler.kind == "broken" else outcomes(handler)
    codes = (answer,) if isinstance(answer, str) else tuple(answer)
    after = []
    for code in codes:
        chosen = cached.get(state.at, code) if cached is not None else code
        steps = (*state.steps, Step(handler, code, state.at))
        base = replace(state, saved=saved, level=handler.level, steps=steps)
        after.append(_apply(stack, base, handler.action(chosen), (code, chosen)))
    return after


def _apply(stack: tuple[Handler, ...], state: _State, action: Action, codes: tuple[str, str]) -> _State:
    """Apply one action to the state, as the switch in `_pam_dispatch_aux` does, and move on.

    `codes` are what the module returned, and the (frozen) code that chose the action.
    """
    level = stack[state.at].level
    code, chosen = codes
    finished = False
    if isinstance(action, int):
        return _jump(stack, state, action)
    if action == "reset":
        state.impression, state.status = state.saved.get(level, (0, MUST_FAIL))
    elif action in {"ok", "done"}:
        undecided = state.impression == 0 or (state.impression == 1 and state.status == "success")
        if undecided and (code != "ignore" or chosen == code):
            state.impression, state.status = 1, code
        finished = action == "done" and state.impression == 1
    elif action in {"bad", "die"}:
        if state.impression != -1:
            state.impression, state.status = -1, MUST_FAIL if code == "ignore" else code
        finished = action == "die"
    state.at += 1
    while finished and state.at < len(stack) and stack[state.at].level >= level:
        state.at += 1
    return state


def _jump(stack: tuple[Handler, ...], state: _State, count: int) -> _State:
    level, at = stack[state.at].level, state.at
    while count > 0 and at + 1 < len(stack) and stack[at + 1].level >= level:
        at += 1
        while at + 1 < len(stack) and stack[at + 1].level > level:
            at += 1
        count -= 1
    state.at = at + 1
    if count:
        state.impression, state.status, state.bad_jump = -1, MUST_FAIL, True
    return state
