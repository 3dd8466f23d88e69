/**
 * Reads Python pickles without running anything: the opcodes of plain data (protocols 2 to 5, Python's
 * `pickletools.py`), and of classes those that the caller names. Anything else ends the reading with the offset.
 */

/** A pickle that is damaged, or that asks for what is not allowed. */
export class PickleError extends SyntaxError {
  override readonly name = "PickleError";
  /** @param offset of the opcode, in bytes from the pickle's beginning */
  constructor(reason: string, readonly offset: number) {
    super(`${reason} (at byte ${offset})`);
  }
}

/** What a pickle may hold. Dicts are Maps, tuples and lists arrays, bytes Uint8Arrays. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Value[]
  | Map<Value, Value>
  | Named
  | Instance;

/** An object of an allowed class, or what a persistent id stands for: `made` from the arguments or the id. */
export interface Instance {
  readonly class: string;
  readonly made: unknown;
  /** What BUILD set: the fields of a Namespace. */
  state: Value;
}

/** An allowed class itself, as PyTorch's storages name theirs, or a stand-in for another. */
export class Named {
  constructor(readonly name: string, readonly make: Maker) {}
}

/** What stands for an object of a class that is not allowed: nothing is known of it but its class and where that is named. */
export class Opaque {
  constructor(readonly name: string, readonly offset: number) {}
}

/** Refuses an object of a class that is not allowed, where it is no longer ignored. @throws PickleError naming class and offset */
export function refuseOpaque(value: Value | undefined, allowed: Iterable<string>): void {
  const { made } = (value ?? {}) as Partial<Instance>;
  if (made instanceof Opaque) throw new PickleError(notAllowed(made.name, allowed), made.offset);
}

const notAllowed = (name: string, allowed: Iterable<string>) =>
  `the class ${name} is not allowed; allowed are ${[...allowed].join(", ") || "none"}`;

/** What to make of an allowed class's arguments; throws where they are not as they should be. */
export type Maker = (args: Value[]) => unknown;

/** How to read. */
export interface PickleOptions {
  /** `module.name` of each class or function that may be named, and its stand-in here. */
  readonly classes: ReadonlyMap<string, Maker>;
  /** Resolves persistent ids (PyTorch's storages); without it they are refused. */
  readonly persistent?: (id: Value) => unknown;
  /** Objects of other classes are {@link Opaque}, for whoever reads to ignore or refuse; without it they end the reading. */
  readonly opaque?: boolean;
}

const MARK = Symbol("mark");
type Slot = Value | typeof MARK;

const isOpaque = (slot: Slot): slot is Instance =>
  typeof slot === "object" && slot !== null && "made" in slot && slot.made instanceof Opaque;

/** Largest string, in bytes, and largest number of memo entries: a corrupt length must not exhaust memory. */
const LARGEST = 1 << 26;

/** Reads the pickle that begins at `start`. @returns the value, and the offset of the byte after its STOP */
export function readPickle(bytes: Uint8Array, options: PickleOptions, start = 0): { value: Value; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: Slot[] = [], memo = new Map<number, Slot>(), utf8 = new TextDecoder("utf-8", { fatal: true });
  let at = start, opcode = start;
  const fail = (reason: string): never => {
    throw new PickleError(reason, opcode - start);
  };
  const take = (count: number): number => {
    if (count < 0 || count > LARGEST) fail(`a length of ${count} bytes is not credible`);
    if (at + count > bytes.length) fail(`truncated: ${count} bytes wanted, ${bytes.length - at} are left`);
    at += count;
    return at - count;
  };
  const raw = (count: number) => {
    const from = take(count);
    return bytes.subarray(from, from + count);
  };
  const text = (count: number): string => {
    const part = raw(count);
    try {
      return utf8.decode(part);
    } catch {
      return fail("a string is not UTF-8");
    }
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0) fail("truncated: a line without end");
    const found = text(end - at);
    at++;
    return found;
  };
  const u8 = () => view.getUint8(take(1));
  const u32 = () => view.getUint32(take(4), true);
  const u64 = () => {
    const value = view.getBigUint64(take(8), true);
    return value > BigInt(LARGEST) ? fail(`a length of ${value} bytes is not credible`) : Number(value);
  };
  const long = (count: number): number | bigint => {
    const part = raw(count);
    let value = 0n;
    for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(part[i]);
    if (count > 0 && part[count - 1] & 0x80) value -= 1n << BigInt(8 * count);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  };
  const pop = (): Slot => {
    if (stack.length === 0) fail("the stack is empty");
    return stack.pop()!;
  };
  /** A finished value: neither mark nor class. */
  const popValue = (): Value => plain(pop());
  const plain = (slot: Slot): Value => {
    if (slot === MARK) fail("a mark where a value is due");
    return slot as Value;
  };
  const popMark = (): Value[] => {
    const from = stack.lastIndexOf(MARK);
    if (from < 0) fail("no mark is on the stack");
    const items = stack.splice(from).slice(1);
    return items.map(plain);
  };
  const top = (): Slot => stack.length > 0 ? stack[stack.length - 1] : fail("the stack is empty");
  const remember = (index: number) => {
    if (memo.size > LARGEST) fail("too many memo entries");
    memo.set(index, top());
  };
  const recall = (index: number) => {
    const found = memo.get(index);
    if (found === undefined) return fail(`memo ${index} was never set`);
    stack.push(found);
  };
  const named = (module: unknown, name: unknown) => {
    if (typeof module !== "string" || typeof name !== "string") return fail("a class must be named by strings");
    const full = `${module}.${name}`, maker = options.classes.get(full), at = opcode - start;
    if (!maker && !options.opaque) return fail(notAllowed(full, options.classes.keys()));
    stack.push(new Named(full, maker ?? (() => new Opaque(full, at))));
  };
  const make = (callee: Slot, args: Value) => {
    if (isOpaque(callee)) return void stack.push(callee); // what it would give is as little known
    if (!(callee instanceof Named)) return fail("only an allowed class can be called");
    if (!Array.isArray(args)) return fail(`the arguments of ${callee.name} must be a tuple`);
    let made: unknown;
    try {
      made = callee.make(args);
    } catch (error) {
      return fail(`${callee.name}: ${(error as Error).message}`);
    }
    stack.push(made instanceof Map ? made : { class: callee.name, made, state: null });
  };
  const setItems = (items: Value[]) => {
    const target = top();
    if (isOpaque(target)) return;
    if (!(target instanceof Map)) return fail("items can be set in a dict only");
    if (items.length % 2 !== 0) return fail("a key without a value");
    for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1]);
  };
  const append = (items: Value[]) => {
    const target = top();
    if (isOpaque(target)) return;
    if (!Array.isArray(target)) return fail("items can be appended to a list only");
    target.push(...items);
  };
  const build = () => {
    const state = popValue(), target = top();
    // torch.nn.Module.state_dict() hangs `_metadata` on its OrderedDict; it says nothing of the tensors.
    if (target instanceof Map) return;
    if (typeof target !== "object" || target === null || !("state" in target)) return fail("this value takes no state");
    target.state = state;
  };
  while (true) {
    opcode = at;
    const code = u8();
    switch (code) {
      case 0x80: { // PROTO
        const version = u8();
        if (version < 2 || version > 5) fail(`pickle protocol ${version}; 2 to 5 can be read`);
        break;
      }
      case 0x95: // FRAME
        take(8);
        break;
      case 0x2e: { // .
        const value = popValue();
        if (stack.length > 0) fail(`${stack.length} values are left over at the end`);
        return { value, end: at };
      }
      case 0x28: // (
        stack.push(MARK);
        break;
      case 0x30: // 0 POP
        pop();
        break;
      case 0x4e: // N
        stack.push(null);
        break;
      case 0x88:
        stack.push(true);
        break;
      case 0x89:
        stack.push(false);
        break;
      case 0x4a: // J BININT
        stack.push(view.getInt32(take(4), true));
        break;
      case 0x4b: // K BININT1
        stack.push(u8());
        break;
      case 0x4d: // M BININT2
        stack.push(view.getUint16(take(2), true));
        break;
      case 0x8a: // LONG1
        stack.push(long(u8()));
        break;
      case 0x47: // G BINFLOAT
        stack.push(view.getFloat64(take(8)));
        break;
      case 0x58: // X BINUNICODE
        stack.push(text(u32()));
        break;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(text(u8()));
        break;
      case 0x8d: // BINUNICODE8
        stack.push(text(u64()));
        break;
      case 0x55: // U SHORT_BINSTRING
        stack.push(text(u8()));
        break;
      case 0x54: // T BINSTRING
        stack.push(text(u32()));
        break;
      case 0x43: // C SHORT_BINBYTES
        stack.push(raw(u8()).slice());
        break;
      case 0x42: // B BINBYTES
        stack.push(raw(u32()).slice());
        break;
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        stack.push(raw(u64()).slice());
        break;
      case 0x5d: // ] EMPTY_LIST
      case 0x29: // ) EMPTY_TUPLE
      case 0x8f: // EMPTY_SET: an array here, too
        stack.push([]);
        break;
      case 0x7d: // } EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x61: { // a APPEND
        const item = popValue();
        append([item]);
        break;
      }
      case 0x65: // e APPENDS
      case 0x90: // ADDITEMS
        append(popMark());
        break;
      case 0x73: { // s SETITEM
        const value = popValue(), key = popValue();
        setItems([key, value]);
        break;
      }
      case 0x75: // u SETITEMS
        setItems(popMark());
        break;
      case 0x74: // t TUPLE
      case 0x91: // FROZENSET
        stack.push(popMark());
        break;
      case 0x85: // TUPLE1, 2, 3
      case 0x86:
      case 0x87: {
        const items: Value[] = [];
        for (let i = 0x84; i < code; i++) items.unshift(popValue());
        stack.push(items);
        break;
      }
      case 0x71: // q BINPUT
        remember(u8());
        break;
      case 0x72: // r LONG_BINPUT
        remember(u32());
        break;
      case 0x94: // MEMOIZE
        remember(memo.size);
        break;
      case 0x68: // h BINGET
        recall(u8());
        break;
      case 0x6a: // j LONG_BINGET
        recall(u32());
        break;
      case 0x63: // c GLOBAL
        named(line(), line());
        break;
      case 0x93: { // STACK_GLOBAL
        const name = popValue(), module = popValue();
        named(module, name);
        break;
      }
      case 0x52: // R REDUCE
      case 0x81: { // NEWOBJ
        const args = popValue(), callee = pop();
        make(callee, args);
        break;
      }
      case 0x92: { // NEWOBJ_EX: no allowed class is made so
        const named = popValue(), args = popValue(), callee = pop();
        const known = callee instanceof Named && options.classes.has(callee.name);
        if (!options.opaque || known) fail("the opcode 0x92 is not allowed");
        if (!(named instanceof Map)) fail("named arguments must be a dict");
        make(callee, args);
        break;
      }
      case 0x62: // b BUILD
        build();
        break;
      case 0x51: { // Q BINPERSID
        const id = popValue();
        if (!options.persistent) fail("a persistent id, which has no meaning in this file");
        let made: unknown;
        try {
          made = options.persistent!(id);
        } catch (error) {
          fail((error as Error).message);
        }
        stack.push({ class: "persistent id", made, state: null });
        break;
      }
      default:
        fail(`the opcode 0x${code.toString(16).padStart(2, "0")} is not allowed`);
    }
  }
}
