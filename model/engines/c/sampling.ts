/**
 * Whole samplings beside the network, in the thread that runs it: tasks on their way, step by step, that share the network's
 * calls. One that comes later waits for the call that runs, and no longer; company changes nothing in a molecule, to the last bit.
 */
import { setImmediate } from "node:timers";
import { realign as realignHere } from "../../diffusion/coupling/align.ts";
import { clampToValence } from "../../networks/heavy_atom/clamp.ts";
import { fixPart, startAbout } from "../../networks/heavy_atom/fix.ts";
import { PURPOSE, random } from "../../diffusion/random.ts";
import { putGraph, startEmbedded } from "../../networks/heavy_atom/given_graph.ts";
import type { Here } from "./here.ts";
import { autoguidanceOf, own, weak } from "../../networks/heavy_atom/autoguide.ts";
import { guidanceOf, guide, unguided } from "../../networks/heavy_atom/guide.ts";
import { latentLength } from "../../diffusion/latent.ts";
import { moleculeNoise } from "../../diffusion/noise.ts";
import { firstLatents } from "../../diffusion/samplers/start.ts";
import { type PlannedStep, type Realign, runPlan } from "../../diffusion/samplers/step.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import type { Sampled, Sampling } from "../../diffusion/denoiser.ts";
import { GRAPH_UNTOLD, rowsOf, WEAKLESS } from "../../networks/pair_attention/conditions.ts";
import type { ConditionSizes } from "../../networks/pair_attention/parameters.ts";
import { UNTOLD } from "../../networks/pair_attention/properties.ts";
import type { Condition } from "../../diffusion/condition.ts";

/** A sampling of somebody's: tasks of one owner share its turn. */
export interface Task extends Sampling {
  readonly owner: number;
}

/** What samplings run on, and how they take turns. */
export interface SamplingsOptions extends ConditionSizes {
  readonly space: LatentSpace;
  /** x0 estimates `[B, L]`; molecules of one size, each at its own time. */
  readonly predict: Here["predict"];
  /** See `realign` in coupling/align.ts, which is the default. */
  readonly realign?: (z: Float32Array, x0: Float32Array, shape: Sampling["shape"], alpha: number) => void;
  /** Most molecules of a call that several tasks share: beyond what the network does at once, more only make others wait. */
  readonly most: (nodes: number) => number;
  /** Milliseconds of the network by which an owner who comes anew is ahead of those there are. Default 100. */
  readonly credit?: number;
  /** Milliseconds after which who has waited longest is next, whoever is ahead. Default 1000. */
  readonly patience?: number;
  /** Lets messages in, and all who go on after a call get as far as their next one. Default: the event loop turns once. */
  readonly turn?: () => Promise<void>;
  /** The clock, milliseconds. */
  readonly now?: () => number;
}

/** Samplings on their way. */
export interface Samplings {
  /** Throws the signal's reason when it aborts; whatever the network throws. */
  run(task: Task, signal?: AbortSignal): Promise<Sampled>;
}

/** A task's next call. */
interface Call {
  readonly task: Task;
  readonly owner: Owner;
  readonly z: Float32Array;
  readonly step: PlannedStep;
  readonly since: number;
  readonly signal?: AbortSignal;
  readonly tally: { ms: number; begun?: number };
  resolve(x0: Float32Array): void;
  reject(reason: unknown): void;
}

/** Latents of a call, and what the network is told of them. */
interface Asked {
  readonly call: Call;
  readonly condition: Condition;
}

/** What a network says of latents, and its weaker self where it is asked. */
interface Estimates {
  readonly x0: Float32Array;
  readonly weaker?: Float32Array;
}

/** Whoever has tasks here. */
interface Owner {
  tasks: number;
  /** Milliseconds of the network that it has had, counted from what those there were had when it came. */
  had: number;
}

/** How many times as long tasks in the background can be made to wait. */
const BACKGROUND_PATIENCE = 10;

const once = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The samplings of one network. */
export function createSamplings(
  {
    space,
    levels = 0,
    frequency,
    conditions: told,
    scale,
    graph: toldGraph,
    weakWithout,
    predict,
    most,
    credit = 100,
    patience = 1000,
    turn = once,
    now = () => performance.now(),
    realign = (z, x0, shape, alpha) => realignHere(z, x0, space, shape, alpha),
  }: SamplingsOptions,
): Samplings {
  const owners = new Map<number, Owner>();
  const sizes = { classes: space.scalars, features: space.pairs };
  const takes: ConditionSizes = { levels, frequency, conditions: told, scale, graph: toldGraph, weakWithout };
  /** How far a task's estimates are guided here; undefined where one call says all, as that of a network that is told how far. */
  const guidedBy = ({ condition }: Task) => scale ? undefined : guidanceOf(condition);
  /** How far they are guided from those of the network's weaker self. */
  const autoguidedBy = ({ condition }: Task) => autoguidanceOf(condition);
  /** Molecules of a task's call: each twice where it is guided, told properties and not, or by the weaker self. */
  const moleculesOf = (task: Task) =>
    (guidedBy(task) ?? autoguidedBy(task)) !== undefined ? 2 * task.shape.batch : task.shape.batch;
  let waiting: Call[] = [], running = false, front = 0;

  const ownerOf = (name: number): Owner => {
    const owner = owners.get(name) ?? { tasks: 0, had: front - credit };
    owners.set(name, owner);
    return owner;
  };

  /** The call whose turn it is, and others that ride along: of its size of molecules, and no more of them than it has, which would hold it up. */
  const choose = (): Call[] => {
    /** Milliseconds that a call has waited beyond what it can be made to. */
    const over = ({ since, task }: Call) => now() - since - (task.background ? BACKGROUND_PATIENCE : 1) * patience;
    const oldest = waiting.reduce((a, b) => over(b) > over(a) ? b : a), late = over(oldest) > 0;
    const hurried = waiting.filter(({ task }) => !task.background), own = hurried.length > 0 ? hurried : waiting;
    const lead = late ? oldest : own.reduce((a, b) => b.owner.had < a.owner.had ? b : a);
    const chosen = [lead], { nodes, batch: least } = lead.task.shape, limit = most(nodes);
    let total = moleculesOf(lead.task);
    for (const call of waiting) {
      const { nodes: size, batch } = call.task.shape, molecules = moleculesOf(call.task);
      if (call === lead || size !== nodes || batch > least || total + molecules > limit) continue;
      total += molecules;
      chosen.push(call);
    }
    if (!late && !lead.task.background) front = Math.max(front, lead.owner.had);
    return chosen;
  };

  /** What the network says of latents that are asked for one by one, and its weaker self where it is asked too; `call` says whose, and `condition` what else each is told. */
  const estimates = (asked: readonly Asked[], weakly = false): Estimates[] => {
    if (asked.length === 0) return [];
    const batch = asked.reduce((sum, { call: { task } }) => sum + task.shape.batch, 0);
    const { nodes } = asked[0].call.task.shape, conditions: Condition[] = [];
    const alpha = new Float32Array(batch), sigma = new Float32Array(batch);
    const z = asked.length === 1 ? asked[0].call.z : new Float32Array(batch * latentLength(space, nodes));
    let at = 0;
    for (const { call, condition } of asked) {
      const { step, task: { shape } } = call, level = step.asked ?? step, from = conditions.length;
      conditions.push(...Array<Condition>(shape.batch).fill(weakly ? weak(condition) : condition));
      alpha.fill(level.alpha, from, conditions.length);
      sigma.fill(level.sigma, from, conditions.length);
      if (asked.length > 1) z.set(call.z, at), at += call.z.length;
    }
    const weaker = weakly ? new Float32Array(z.length) : undefined;
    const x0 = predict(z, { batch, nodes }, rowsOf({ conditions, alpha, sigma }, takes), weaker);
    at = 0;
    return asked.map(({ call }) => {
      const from = at, part = (x: Float32Array) => asked.length === 1 ? x : x.slice(from, at);
      at += call.z.length;
      return { x0: part(x0), weaker: weaker && part(weaker) };
    });
  };

  const serve = (calls: readonly Call[]) => {
    const molecules = calls.reduce((sum, { task }) => sum + moleculesOf(task), 0), began = now();
    for (const { tally, task: { graph, shape }, z } of calls) {
      tally.begun ??= began;
      if (graph) putGraph(z, shape, graph, sizes);
    }
    try {
      const asked = calls.flatMap((call): Asked[] => {
        const { step, task: { condition, graph } } = call;
        const at: Condition = own({ ...condition, ...graph && { graph: true as const }, time: (step.asked ?? step).t });
        const one = { call, condition: scale ? at : unguided(at) };
        return guidedBy(call.task) ? [one, { call, condition: unguided({ ...at, guidance: 0 }) }] : [one];
      });
      const beyond = ({ call }: Asked) => autoguidedBy(call.task) !== undefined;
      const said = new Map<Call, Estimates[]>(calls.map((call) => [call, []]));
      for (const weakly of [false, true]) {
        const some = asked.filter((one) => beyond(one) === weakly);
        estimates(some, weakly).forEach((one, k) => said.get(some[k].call)!.push(one));
      }
      const each = (now() - began) / molecules;
      for (const call of calls) {
        const { task, step, owner, tally } = call, { shape, clamp, fixed, graph } = task;
        const share = each * moleculesOf(task), clamping = now();
        const [{ x0: estimate, weaker }, untold] = said.get(call)!;
        if (untold) guide(estimate, untold.x0, guidedBy(task)!, space, shape);
        if (weaker) guide(estimate, weaker, autoguidedBy(task)!, space, shape);
        if (fixed) fixPart(estimate, shape, fixed, sizes);
        if (graph) putGraph(estimate, shape, graph, sizes);
        if (clamp && step.t <= clamp.below) {
          clampToValence(estimate, shape, clamp.bondSums, space.pairs, clamp.charges);
        }
        const ms = share + now() - clamping;
        tally.ms += ms, owner.had += ms;
        call.resolve(estimate);
      }
    } catch (error) {
      for (const call of calls) call.reject(error);
    }
  };

  const go = async () => {
    if (running) return;
    running = true;
    for (;;) {
      await turn();
      for (const { signal, reject } of waiting) if (signal?.aborted) reject(signal.reason);
      waiting = waiting.filter(({ signal }) => !signal?.aborted);
      if (waiting.length === 0) break;
      const calls = choose();
      waiting = waiting.filter((call) => !calls.includes(call));
      serve(calls);
    }
    running = false;
  };

  return {
    async run(task, signal) {
      const { owner: name, plan, shape, seed, indices, start, coupling, condition, fixed, graph } = task, came = now();
      // What is wrong with a task is found before it shares a call with others.
      if (levels > 0 && !(condition?.steps! >= 1)) {
        throw new RangeError("this network must be told the number of steps");
      }
      if (condition?.properties && !told) throw new RangeError(UNTOLD);
      if (graph && !toldGraph) throw new RangeError(GRAPH_UNTOLD);
      if (autoguidedBy(task) !== undefined && weakWithout === undefined) throw new RangeError(WEAKLESS);
      if (graph && graph.nodes !== shape.nodes) {
        throw new RangeError(`the graph must have ${shape.nodes} nodes, as the molecules; got ${graph.nodes}`);
      }
      if (indices.length !== shape.batch) {
        throw new RangeError(`indices must be ${shape.batch}, one a molecule; got ${indices.length}`);
      }
      const owner = ownerOf(name);
      const noise = moleculeNoise(space, shape.nodes, seed, indices), tally: Call["tally"] = { ms: 0 };
      const aligned: Realign | undefined = coupling === "aligned"
        ? (z, x0, alpha) => {
          const began = now();
          // A known graph says which node is which: its noise is turned, and stays with its node.
          if (graph) realignHere(z, x0, space, shape, alpha, { permute: false });
          else realign(z, x0, shape, alpha);
          const ms = now() - began;
          tally.ms += ms, owner.had += ms;
        }
        : undefined;
      owner.tasks++;
      try {
        const x0 = await runPlan(
          plan,
          (z, _t, step) =>
            new Promise<Float32Array>((resolve, reject) => {
              waiting.push({ task, owner, z, step, since: now(), signal, tally, resolve, reject });
              go();
            }),
          await firstLatents(noise, start, aligned, (x) => {
            if (fixed) startAbout(x, shape, fixed, sizes);
            if (!graph?.bounds) return;
            const streams = indices.map((index) => random(seed, index, PURPOSE.embedding));
            startEmbedded(x, shape, graph.bounds, streams, sizes);
          }),
          noise,
          signal,
          aligned,
        );
        return { x0, ms: tally.ms, waitedMs: tally.begun! - came };
      } finally {
        if (--owner.tasks === 0) owners.delete(name);
      }
    },
  };
}
