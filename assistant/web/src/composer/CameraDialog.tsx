import { Camera } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useMessages } from "../i18n";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { Overlay } from "../ui/Overlay";
import css from "./CameraDialog.module.css";

interface Props {
  isOpen: boolean;
  onShot: (photo: File) => void;
  onClose: () => void;
}

/** The camera's picture, and a button to keep it. */
export function CameraDialog({ isOpen, onShot, onClose }: Props) {
  const t = useMessages();
  const video = useRef<HTMLVideoElement>(null);
  const [state, setState] = useState<"starting" | "ready" | "refused">("starting");
  return (
    <Overlay
      title={t.camera.title}
      isOpen={isOpen}
      onClose={onClose}
      actions={
        <>
          <Button onPress={onClose}>{t.cancel}</Button>
          <Button
            look="primary"
            isDisabled={state !== "ready"}
            onPress={async () => video.current && onShot(await shoot(video.current))}
          >
            <Camera size={18} aria-hidden />
            {t.camera.shoot}
          </Button>
        </>
      }
    >
      {state === "refused" ? (
        <Notice kind="problem">{t.camera.refused}</Notice>
      ) : (
        <Viewfinder video={video} onState={setState} />
      )}
    </Overlay>
  );
}

interface ViewfinderProps {
  video: React.RefObject<HTMLVideoElement | null>;
  onState: (state: "starting" | "ready" | "refused") => void;
}

function Viewfinder({ video, onState }: ViewfinderProps) {
  const t = useMessages();
  useEffect(() => {
    let isClosed = false;
    let stream: MediaStream | null = null;
    const release = () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    onState("starting");
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } }).then(
      (opened) => {
        stream = opened;
        if (isClosed) release();
        else if (video.current) video.current.srcObject = opened;
      },
      () => onState("refused"),
    );
    return () => {
      isClosed = true;
      release();
    };
  }, [video, onState]);
  return (
    <video
      ref={video}
      className={css.video}
      autoPlay
      muted
      playsInline
      aria-label={t.camera.preview}
      onPlaying={() => onState("ready")}
    />
  );
}

async function shoot(video: HTMLVideoElement): Promise<File> {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  return new File([blob], "photo.jpg", { type: "image/jpeg" });
}
