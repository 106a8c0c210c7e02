/* Plays videos in a real Chromium: loads each whole, seeks to its end and back, plays a second.

    npm install --prefix /tmp/node playwright-core
    node benchmarks/videos_in_browser.mjs /tmp/node runs/demo/redacted.mp4 runs/demo/clips/*.mp4

The first argument is where the package was installed. Prints a line a video: its length and size,
how many pictures and bytes of sound were decoded. $CHROMIUM names another browser than
/usr/bin/chromium. Exit 1: one of them does not play. */

import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, ...videos] = process.argv.slice(2);
if (!videos.length) {
  console.error("usage: videos_in_browser.mjs PACKAGES VIDEO …");
  process.exit(2);
}
const require = createRequire(join(resolve(modules), "node_modules", "here.js"));
const { chromium } = require("playwright-core");

async function play(source) {
  const video = document.createElement("video");
  video.muted = true;
  const happens = (event) =>
    new Promise((done, failed) => {
      video.addEventListener(event, done, { once: true });
      video.addEventListener("error", () => failed(new Error(video.error.message)));
    });
  video.src = source;
  document.body.append(video);
  await happens("canplaythrough");
  for (const time_s of [video.duration - 0.1, 0]) {
    video.currentTime = time_s;
    await happens("seeked");
  }
  await video.play();
  await new Promise((done) => setTimeout(done, 1000));
  return {
    length_s: video.duration,
    size: `${video.videoWidth} x ${video.videoHeight}`,
    played_s: video.currentTime,
    pictures: video.getVideoPlaybackQuality().totalVideoFrames,
    sound_bytes: video.webkitAudioDecodedByteCount,
  };
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
});
let failed = false;
for (const path of videos) {
  const page = await browser.newPage();
  const address = pathToFileURL(resolve(path)).href;
  await page.goto(address); // a page of the same origin
  try {
    const told = await page.evaluate(play, address);
    failed ||= !(told.played_s > 0.5 && told.pictures > 1);
    console.log(path, JSON.stringify(told));
  } catch (error) {
    failed = true;
    console.log(path, String(error));
  }
  await page.close();
}
await browser.close();
process.exit(failed ? 1 : 0);
