import { Camera, Image } from "lucide-react";
import { type ReactNode, useRef } from "react";
import { Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { useMessages } from "../i18n";
import overlay from "../ui/Overlay.module.css";

interface Props {
  children: ReactNode;
  onFiles: (files: File[]) => void;
  onCamera: () => void;
}

/** The ways to add a picture, recording or video. A phone opens its own camera, a desktop a dialog. */
export function AddMenu({ children, onFiles, onCamera }: Props) {
  const t = useMessages();
  const files = useRef<HTMLInputElement>(null);
  const camera = useRef<HTMLInputElement>(null);
  const hasOwnCamera = matchMedia("(pointer: coarse)").matches || !navigator.mediaDevices?.getUserMedia;

  function take(input: HTMLInputElement) {
    onFiles([...(input.files ?? [])]);
    input.value = ""; // the same file may be chosen again
  }

  return (
    <>
      <MenuTrigger>
        {children}
        <Popover className={overlay.popover ?? ""} placement="top start">
          <Menu
            onAction={(key) => {
              if (key === "file") files.current?.click();
              else if (hasOwnCamera) camera.current?.click();
              else onCamera();
            }}
          >
            <MenuItem id="file" className={overlay.option ?? ""} textValue={t.composer.chooseFile}>
              <Image size={17} aria-hidden />
              {t.composer.chooseFile}
            </MenuItem>
            <MenuItem id="camera" className={overlay.option ?? ""} textValue={t.composer.takePhoto}>
              <Camera size={17} aria-hidden />
              {t.composer.takePhoto}
            </MenuItem>
          </Menu>
        </Popover>
      </MenuTrigger>
      <input
        ref={files}
        type="file"
        accept="image/*,.heic,.heif,audio/*,video/*"
        multiple
        hidden
        data-testid="files"
        onChange={(event) => take(event.target)}
      />
      <input
        ref={camera}
        type="file"
        accept="image/*"
        capture="environment"
        hidden
        onChange={(event) => take(event.target)}
      />
    </>
  );
}
