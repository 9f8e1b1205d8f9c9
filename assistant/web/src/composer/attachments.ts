import type { Limits } from "../api/types";
import type { Messages } from "../i18n";

const MEGABYTE = 2 ** 20;

/** Whether a file is a picture; a photo of a phone (HEIC) has no type on most computers, only its name. */
export const isPicture = ({ type, name }: File) => type.startsWith("image/") || (!type && /\.(heic|heif)$/i.test(name));

export const isVideo = ({ type }: File) => type.startsWith("video/");

/** The attachments with those of the added files that can be sent, and a sentence on the first that cannot. */
export function accept(
  held: File[],
  added: File[],
  limits: Limits | undefined,
  t: Messages,
): { taken: File[]; refused: string } {
  const taken = [...held];
  let refused = "";
  for (const file of added) {
    const reason = whyNot(file, taken.length, limits, t);
    if (!reason) taken.push(file);
    refused ||= reason;
  }
  return { taken, refused };
}

function whyNot(file: File, held: number, limits: Limits | undefined, t: Messages): string {
  const picture = isPicture(file);
  if (!picture && !isVideo(file) && !file.type.startsWith("audio/")) return t.composer.unsupported(file.name);
  if (!limits) return "";
  if (held >= limits.attachments) return t.composer.tooMany(limits.attachments);
  const bytes = picture ? limits.image_bytes : isVideo(file) ? limits.video_bytes : limits.audio_bytes;
  return file.size > bytes ? t.composer.tooLarge(file.name, Math.floor(bytes / MEGABYTE)) : "";
}
