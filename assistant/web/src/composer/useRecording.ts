import { useEffect, useEffectEvent, useRef, useState } from "react";

/** How many levels the row of bars remembers, and how often it moves. */
/** As it is heard: what browsers do against echo and noise is for calls, and costs a speech recogniser words. */
const HEARING: MediaTrackConstraints = { echoCancellation: false, noiseSuppression: false, channelCount: 1 };
const BARS = 48;
const TICK = 80;

/** What browsers record, best first, and the ending that fits. */
const CONTAINERS: [type: string, ending: string][] = [
  ["audio/webm;codecs=opus", "webm"],
  ["audio/mp4", "m4a"],
  ["audio/ogg;codecs=opus", "ogg"],
];

interface Recording {
  problem: "refused" | "missing" | null;
  elapsed: number;
  /** Loudness between 0 and 1, latest last. */
  levels: number[];
  finish: () => void;
}

/** Record from the microphone from now on, until `finish` or the given number of seconds. */
export function useRecording(seconds: number, onDone: (file: File) => void): Recording {
  const [problem, setProblem] = useState<Recording["problem"]>(null);
  const [elapsed, setElapsed] = useState(0);
  const [levels, setLevels] = useState<number[]>(() => Array(BARS).fill(0));
  const recorder = useRef<MediaRecorder | null>(null);
  const done = useEffectEvent(onDone);
  const finish = () => recorder.current?.state === "recording" && recorder.current.stop();
  const finishWhenFull = useEffectEvent((passed: number) => {
    if (passed >= seconds) finish();
  });

  useEffect(() => {
    const ending = new AbortController();
    record(ending.signal).catch(() => setProblem("refused"));
    return () => ending.abort();

    async function record(signal: AbortSignal) {
      if (!navigator.mediaDevices?.getUserMedia || !globalThis.MediaRecorder) return setProblem("missing");
      const stream = await navigator.mediaDevices.getUserMedia({ audio: HEARING });
      const release = () => {
        for (const track of stream.getTracks()) track.stop();
      };
      if (signal.aborted) return release();
      const [type, ending] = CONTAINERS.find(([name]) => MediaRecorder.isTypeSupported(name)) ?? ["", "webm"];
      const made = new MediaRecorder(stream, type ? { mimeType: type } : {});
      const chunks: Blob[] = [];
      made.ondataavailable = ({ data }) => chunks.push(data);
      made.onstop = () => {
        if (!signal.aborted) done(fileOf(chunks, made.mimeType, ending));
      };
      made.start();
      recorder.current = made;
      const stopListening = listen(stream, (level, passed) => {
        setLevels((before) => [...before.slice(1), level]);
        setElapsed(passed);
        finishWhenFull(passed);
      });
      signal.addEventListener("abort", () => {
        stopListening();
        release();
      });
    }
  }, []);

  return { problem, elapsed, levels, finish };
}

function fileOf(chunks: Blob[], type: string, ending: string): File {
  return new File(chunks, `voice-note.${ending}`, { type: type.split(";")[0] || "audio/webm" });
}

/** Tell how loud a stream is, many times a second; returns how to stop. */
function listen(stream: MediaStream, tell: (level: number, seconds: number) => void): () => void {
  const context = new AudioContext();
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
    context.close();
  };
}

/** Root mean square on a scale that lets quiet speech show: -60 dB is 0, full scale is 1. */
function loudness(samples: Float32Array): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.min(1, Math.max(0, 1 + (10 * Math.log10(power + 1e-12)) / 60));
}
