"""The process of one peer: `python driver.py SUBJECT`, the other end of `peer_process.ts`.

SUBJECT is JSON: {peer, path, device, threads, passive, steps, compile, bfloat16, weights?, inputs?, save?, sizes?}; see
`process.ts`. It opens the peer's model and says so; then it answers each line {batch, what, seconds} on its standard input with how many calls it
made in how long (at least one, whatever the seconds), as `bench/child.ts` does. What is called:

- "network FILE": the denoiser on the batch of the file FILE in `inputs` (float32, molecule after molecule), whose sizes
  stand in FILE.json; molecules of several sizes are padded as the peer's sampler pads them, to the largest of the data
  set. Answered are the first 64 numbers of its estimates of x0.
- "sample K": its own sampler for K steps and all that comes after them, on sizes of its own distribution.
"""

import contextlib
import json
import os
import sys
import time

sys.dont_write_bytecode = True  # nor into a checkout

MARK = "@molstep-bench "
# Numbers answered of a call's results, as in `subject.ts`; and the time that the denoiser is called at.
SAMPLE, HALF = 64, 0.5


class Subject:
    """An open peer."""

    def __init__(self, peer, path, device="cpu", threads=0, passive=False, steps=1000, compile=False, bfloat16=False,
                 weights=None, inputs=None, save=None, sizes=None):
        if passive:  # read when the library is loaded, which the next line does
            os.environ["OMP_WAIT_POLICY"] = "passive"
        import torch
        import networks

        self.torch, self.masks, self.inputs, self.device = torch, networks.masks, inputs, device
        torch.set_num_threads(threads or os.cpu_count())
        self.model, self.args, self.info, self.nodes_dist = networks.open_model(
            peer, path, steps, device, weights=weights, sizes=sizes)
        if save:
            networks.save(self.model, self.args, save)
        if compile:
            self.model.dynamics.egnn = torch.compile(self.model.dynamics.egnn, dynamic=False)
        self.precision = "bfloat16 (autocast)" if bfloat16 else "float32"
        where = torch.cuda.get_device_name() if device != "cpu" else f"{torch.get_num_threads()} threads"
        where += ", passive" if passive else ""
        self.why = f"PyTorch {torch.__version__}, {where}, {self.precision}{', compiled' if compile else ''}"
        if self.args.stand_ins:
            self.why += f"; without {', '.join(self.args.stand_ins)}"

    @contextlib.contextmanager
    def mode(self):
        """No gradients; bfloat16 where asked."""
        with self.torch.no_grad(), self.torch.autocast(
                self.device, dtype=self.torch.bfloat16, enabled=self.precision != "float32"):
            yield

    def wait(self):
        """Until the device has done what it was told."""
        if self.device != "cpu":
            self.torch.cuda.synchronize()

    def prepare(self, batch, what):
        """The call that `what` names, and what makes the sample of its result."""
        kind, argument = what.split()
        if kind == "network":
            return self.network(batch, argument)
        if kind == "sample":
            return self.sampler(batch, int(argument))
        raise ValueError(f"what can be called is network or sample; {what} given")

    def network(self, batch, file):
        torch = self.torch
        with open(os.path.join(self.inputs, f"{file}.json")) as opened:
            sizes = json.load(opened)["sizes"]
        with open(os.path.join(self.inputs, file), "rb") as opened:
            flat = torch.frombuffer(bytearray(opened.read()), dtype=torch.float32)
        if len(sizes) != batch or len(flat) % sum(sizes) != 0:
            raise ValueError(f"{batch} molecules asked, {len(sizes)} of together {len(flat)} numbers given")
        nodes = self.info["max_n_nodes"] if min(sizes) < max(sizes) else sizes[0]
        rows, width = flat.view(sum(sizes), -1), len(flat) // sum(sizes)
        z = torch.zeros(batch, nodes, width)
        for one, own in zip(z, rows.split(sizes)):
            one[:len(own)] = own
        z = z.to(self.device)
        node_mask, edge_mask = self.masks(sizes, nodes, self.device)
        t = torch.full((batch, 1), HALF, device=self.device)

        def call():
            return self.model.phi(z, t, node_mask, edge_mask, None)

        def sample(out):
            x0 = self.model.compute_x_pred(out.float(), z, self.model.gamma(t))
            kept = [one[:size].reshape(-1) for one, size in zip(x0.cpu(), sizes)]
            return torch.cat(kept)[:SAMPLE].tolist()

        return call, sample

    def sampler(self, batch, steps):
        torch = self.torch
        from qm9.sampling import sample as draw

        torch.manual_seed(2)
        sizes = self.nodes_dist.sample(batch)

        def call():
            whole = self.model.T
            self.model.T = steps
            try:
                with contextlib.redirect_stdout(sys.stderr):
                    return draw(self.args, torch.device(self.device), self.model, self.info, nodesxsample=sizes)
            finally:
                self.model.T = whole

        def sample(drawn):
            one_hot, _, x, node_mask = drawn
            if len(x) != batch or not bool(torch.isfinite(x).all()):
                raise ValueError(f"of {batch} molecules {len(x)} came, or positions are no numbers")
            return x.reshape(-1)[:SAMPLE].float().tolist()

        return call, sample


def measure(subject, prepared, batch, what, seconds):
    """Calls until the seconds are over, at least once."""
    key = (batch, what)
    if key not in prepared:
        prepared[key] = subject.prepare(batch, what)
    call, sample = prepared[key]
    calls, started = 0, time.perf_counter()
    with subject.mode():
        while True:
            result = call()
            subject.wait()
            calls += 1
            elapsed = time.perf_counter() - started
            if elapsed >= seconds:
                break
    with subject.torch.no_grad():
        return {"type": "measured", "calls": calls, "seconds": elapsed, "sample": sample(result)}


def serve(text, lines, write, open_subject=Subject, measured=measure):
    """Answers `lines`. `write` takes one line of text."""
    def say(answer):
        write(MARK + json.dumps(answer))

    def fail(error):
        say({"type": "error", "message": f"{type(error).__name__}: {error}"})

    try:
        subject, prepared = open_subject(**json.loads(text)), {}
    except Exception as error:
        return fail(error)
    say({"type": "open", "why": subject.why})
    for line in lines:
        try:
            question = json.loads(line)
            say(measured(subject, prepared, question["batch"], question.get("what", ""), question["seconds"]))
        except Exception as error:
            fail(error)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: driver.py SUBJECT")
    serve(sys.argv[1], sys.stdin, lambda line: print(line, flush=True))
