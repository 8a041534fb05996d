// Checks pages as their readers meet them.   node check.mjs page.html…
// Exit 0: every page is accepted; 1: a page is refused, each finding on its own line; 2: a check could not run.
//
//   html-validate   the page is valid HTML, with the a11y rules that need no browser
//   axe-core        WCAG 2.2 AA and best practice, in Chromium, on a light and on a dark screen
//   page            one file under 500 KB that runs no script and asks nothing of the network, readable at 320 px
//   charts          every outermost <svg> is an image with a non-empty name and description

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { FileSystemConfigLoader, HtmlValidate } from 'html-validate';
import { chromium } from 'playwright-core';

const LARGEST_PAGE_BYTES = 500_000;
const NARROWEST_SCREEN_PX = 320;
const AXE_RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const CHROMIUM_ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

const here = dirname(fileURLToPath(import.meta.url));
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = JSON.parse(readFileSync(join(here, 'html-validate.json'), 'utf8'));
const validator = new HtmlValidate(new FileSystemConfigLoader(rules));

async function main(files) {
  if (files.length === 0) throw new Error('name at least one page');
  const profile = mkdtempSync(join(tmpdir(), 'hubtally-chromium-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true, offline: true, bypassCSP: true, args: CHROMIUM_ARGUMENTS,
  });
  let refused = 0;
  try {
    for (const file of files) {
      const findings = [...(await validity(file)), ...(await inBrowser(browser, file))];
      console.log(`${file}: ${findings.length === 0 ? 'accepted' : 'REFUSED'}`);
      for (const finding of findings) console.log(`  ${finding}`);
      refused += findings.length > 0 ? 1 : 0;
    }
  } finally {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  }
  return refused === 0 ? 0 : 1;
}

async function validity(file) {
  const report = await validator.validateFile(file);
  const findings = report.results.flatMap((result) => result.messages)
    .filter((message) => message.severity === 2)
    .map((message) => `html-validate ${message.ruleId}, line ${message.line}: ${message.message}`);
  const bytes = statSync(file).size;
  if (bytes > LARGEST_PAGE_BYTES) findings.push(`page: ${bytes} bytes, more than ${LARGEST_PAGE_BYTES}`);
  return findings;
}

async function inBrowser(browser, file) {
  const page = await browser.newPage();
  const findings = [];
  page.on('request', (request) => {
    if (!/^(file|data|blob|about):/.test(request.url())) findings.push(`page: asks for ${request.url()}`);
  });
  await page.goto(pathToFileURL(resolve(file)).href);
  // Asked before axe brings its own script.
  findings.push(...(await page.evaluate(chartsAndScripts)));

  await page.setViewportSize({ width: NARROWEST_SCREEN_PX, height: 800 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  if (width > NARROWEST_SCREEN_PX) findings.push(`page: ${width} px wide on a screen of ${NARROWEST_SCREEN_PX} px`);
  await page.setViewportSize({ width: 1280, height: 900 });

  await page.evaluate(axeSource);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    const result = await page.evaluate((runOnly) => window.axe.run(document, { runOnly }), AXE_RULES);
    if (result.passes.length === 0) throw new Error(`${file}: axe found nothing to check`);
    for (const violation of result.violations) {
      for (const node of violation.nodes.slice(0, 3)) {
        findings.push(`axe ${violation.id} (${violation.impact}, ${colorScheme} screen) at ${node.target.join(' ')}: ${violation.help}`);
      }
      if (violation.nodes.length > 3) findings.push(`axe ${violation.id}: and ${violation.nodes.length - 3} more places`);
    }
  }
  await page.close();
  return findings;
}

// Runs inside the page. axe says nothing of an <svg> without a role, so charts are looked at here.
function chartsAndScripts() {
  const findings = [];
  if (document.scripts.length > 0) findings.push(`page: ${document.scripts.length} scripts`);
  const charts = [...document.querySelectorAll('svg')].filter((svg) => svg.parentElement.closest('svg') === null);
  charts.forEach((svg, index) => {
    const chart = `chart ${index + 1}`;
    if (svg.getAttribute('aria-hidden') === 'true') return;
    if (svg.getAttribute('role') !== 'img') findings.push(`${chart}: no role="img"`);
    const named = (svg.getAttribute('aria-labelledby') ?? '').split(/\s+/).filter(Boolean)
      .map((id) => document.getElementById(id))
      .filter((element) => element !== null && svg.contains(element) && element.textContent.trim() !== '')
      .map((element) => element.tagName.toLowerCase());
    for (const part of ['title', 'desc']) {
      if (!named.includes(part)) findings.push(`${chart}: aria-labelledby names no <${part}> with words in it`);
    }
    for (const element of svg.querySelectorAll('script, foreignObject')) {
      findings.push(`${chart}: <${element.tagName}>`);
    }
    for (const element of svg.querySelectorAll('[href]')) {
      const target = element.getAttribute('href');
      if (!target.startsWith('#') && !target.startsWith('data:')) findings.push(`${chart}: refers to ${target}`);
    }
  });
  return findings;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 2;
}
