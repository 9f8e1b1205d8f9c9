/** How loud a recording is, many times a second. */

/** How many levels the row of bars remembers, and the milliseconds between two. */
const BARS = 48;
export const TICK = 80;
/** What counts as silence, in decibels below full scale; quiet speech is well above it. */
const FLOOR = 60;

/** Levels between 0 and 1, latest last. */
export type Levels = readonly number[];

export const SILENCE: Levels = Array(BARS).fill(0);

/** The row moved on by one. */
export const moved = (levels: Levels, latest: number): Levels => [...levels.slice(1), latest];

/** Root mean square in decibels, as a share of the way from silence to full scale. */
export function loudness(samples: Float32Array): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.min(1, Math.max(0, 1 + (10 * Math.log10(power + 1e-12)) / FLOOR));
}

/** Tell how loud a stream is, and the seconds since the beginning, at every tick; returns how to stop. */
export function listen(
  stream: MediaStream,
  tell: (level: number, seconds: number) => void,
  context: AudioContext = new AudioContext(),
): () => void {
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const began = performance.now();
  const timer = setInterval(() => {
    if (context.state === "suspended") void context.resume();
    analyser.getFloatTimeDomainData(samples);
    tell(loudness(samples), (performance.now() - began) / 1000);
  }, TICK);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
