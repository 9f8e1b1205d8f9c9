import { expect, test } from "vitest";
import { en } from "../i18n/en";
import { accept, isPicture } from "./attachments";

const file = (name: string, type: string) => new File(["x"], name, { type });

test.each([
  ["IMG_0001.HEIC", "", true],
  ["IMG_0001.heif", "image/heif", true],
  ["photo.jpg", "image/jpeg", true],
  ["voice.m4a", "audio/mp4", false],
  ["notes.txt", "", false],
])("%s of the type “%s” is a picture: %s", (name, type, expected) => {
  expect(isPicture(file(name, type))).toBe(expected);
});

test("a phone's photo is taken, a text file is not", () => {
  const photo = file("IMG_0001.HEIC", "");
  const { taken, refused } = accept([], [photo, file("notes.txt", "text/plain")], undefined, en);
  expect(taken).toEqual([photo]);
  expect(refused).toContain("notes.txt");
});
