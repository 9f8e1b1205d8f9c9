import { useEffect, useEffectEvent, useRef, useState } from "react";
import { type Levels, listen, moved, SILENCE } from "./level";

/** As it is heard: what browsers do against echo and noise is for calls, and costs a speech recogniser words. */
const HEARING: MediaTrackConstraints = { echoCancellation: false, noiseSuppression: false, channelCount: 1 };

/** What browsers record, best first, and the ending that fits. */
const CONTAINERS: [type: string, ending: string][] = [
  ["audio/webm;codecs=opus", "webm"],
  ["audio/mp4", "m4a"],
  ["audio/ogg;codecs=opus", "ogg"],
];

interface Recording {
  problem: "refused" | "missing" | null;
  elapsed: number;
  levels: Levels;
  finish: () => void;
}

/** Record from the microphone from now on, until `finish` or the given number of seconds. */
export function useRecording(seconds: number, onDone: (file: File) => void): Recording {
  const [problem, setProblem] = useState<Recording["problem"]>(null);
  const [elapsed, setElapsed] = useState(0);
  const [levels, setLevels] = useState(SILENCE);
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
        setLevels((before) => moved(before, level));
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
