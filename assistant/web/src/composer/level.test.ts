import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Levels, listen, loudness, moved, SILENCE, TICK } from "./level";

const FFT_SIZE = 2048;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A tone whose loudest sample is `peak`; its root mean square is peak / √2. */
const tone = (peak: number) => Float32Array.from({ length: FFT_SIZE }, (_, n) => peak * Math.sin((n * Math.PI) / 16));

/** A microphone that hears what a test says, behind as much of an audio context as is used of one. */
function microphone() {
  const mic = { hears: tone(0), state: "running", connected: null as unknown };
  const analyser = {
    fftSize: FFT_SIZE,
    getFloatTimeDomainData: (samples: Float32Array) => samples.set(mic.hears),
  };
  const context = {
    get state() {
      return mic.state;
    },
    resume: async () => Object.assign(mic, { state: "running" }),
    close: async () => Object.assign(mic, { state: "closed" }),
    createAnalyser: () => analyser,
    createMediaStreamSource: () => ({ connect: (connected: unknown) => Object.assign(mic, { connected }) }),
  };
  return { mic, analyser, context: context as unknown as AudioContext };
}

const STREAM = {} as MediaStream;

test.each([
  ["silence", 0, 0],
  ["what is quieter than 60 dB below full scale", 1e-4, 0],
  ["a tone at half the scale of decibels", Math.SQRT2 * 10 ** (-30 / 20), 0.5],
  ["a tone whose power is that of full scale", Math.SQRT2, 1],
  ["what is louder", 3, 1],
])("%s has its loudness", (_, peak, level) => {
  expect(loudness(tone(peak))).toBeCloseTo(level, 5);
});

test("the level rises when sound comes and falls when it ends", () => {
  const { mic, analyser, context } = microphone();
  let levels: Levels = SILENCE;
  const tell = (level: number) => {
    levels = moved(levels, level);
  };
  listen(STREAM, tell, context);
  expect(mic.connected).toBe(analyser);
  for (const peak of [0, 0.1, 0.7, 0]) {
    mic.hears = tone(peak);
    vi.advanceTimersByTime(TICK);
  }
  const [before, quiet, loud, after] = levels.slice(-4);
  expect([before, after]).toEqual([0, 0]);
  expect(quiet).toBeGreaterThan(0.3);
  expect(loud).toBeGreaterThan(quiet ?? 1);
  expect(levels).toHaveLength(SILENCE.length);
});

test("the seconds are those of the page's clock, which runs on where the sound's stands still", () => {
  const { context } = microphone();
  const told: number[] = [];
  listen(STREAM, (_, seconds) => told.push(seconds), context);
  vi.advanceTimersByTime(3 * TICK);
  expect(told).toEqual([TICK / 1000, (2 * TICK) / 1000, (3 * TICK) / 1000]);
});

test("a context that the browser holds back is woken", () => {
  const { mic, context } = microphone();
  mic.state = "suspended";
  listen(STREAM, () => {}, context);
  vi.advanceTimersByTime(TICK);
  expect(mic.state).toBe("running");
});

test("nothing is told after the end, and the context is closed", () => {
  const { mic, context } = microphone();
  const tell = vi.fn<(level: number, seconds: number) => void>();
  const stop = listen(STREAM, tell, context);
  vi.advanceTimersByTime(TICK);
  stop();
  vi.advanceTimersByTime(10 * TICK);
  expect(tell).toHaveBeenCalledOnce();
  expect(mic.state).toBe("closed");
});
