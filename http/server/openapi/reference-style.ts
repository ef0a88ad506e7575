/** How the reference page looks, and the little that it does: filter the list, copy an example. */
export const referenceStyle = `
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#e3e7ed;--page:#f7f8fa;
--card:#fff;--code:#f1f3f7;--accent:#3157d5;--get:#0f7b52;--post:#3157d5;--delete:#b3261e;
--put:#8a5a00;--good:#0f7b52;--bad:#9a3412}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#9aa5b5;--line:#2a313c;--page:#11151b;
--card:#181d25;--code:#10141a;--accent:#8fa8ff;--get:#4fc796;--post:#8fa8ff;--delete:#ff8f86;
--put:#e7b65a;--good:#4fc796;--bad:#f0a27a}}
*{box-sizing:border-box}html{scroll-behavior:smooth;scroll-padding-top:1rem}
body{margin:0;display:grid;grid-template-columns:19rem minmax(0,1fr);background:var(--page);
color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
nav{position:sticky;top:0;height:100vh;overflow-y:auto;padding:1.5rem 1rem 2rem 1.5rem;
border-right:1px solid var(--line);background:var(--card)}
.brand{font-weight:700;font-size:1.15rem;letter-spacing:-.01em;color:var(--ink)}
nav h2{margin:1.4rem 0 .35rem;font-size:.72rem;letter-spacing:.08em;text-transform:uppercase;
color:var(--soft)}
nav ul{margin:0;padding:0;list-style:none}
nav li a{display:flex;gap:.5rem;align-items:baseline;padding:.22rem .5rem;border-radius:.4rem;
color:var(--ink);font-size:.9rem;text-decoration:none}
nav li a:hover,nav li a:focus-visible{background:var(--code)}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
input{width:100%;margin-top:1rem;padding:.45rem .6rem;border:1px solid var(--line);
border-radius:.45rem;background:var(--page);color:inherit;font:inherit;font-size:.9rem}
main{padding:2.5rem clamp(1.25rem,4vw,4rem) 6rem;max-width:66rem}
h1{margin:0 0 .5rem;font-size:2rem;letter-spacing:-.02em}
section>h2{margin:3rem 0 1rem;font-size:1.3rem;letter-spacing:-.01em}
article{margin:0 0 1.5rem;padding:1.4rem 1.6rem 1.6rem;border:1px solid var(--line);
border-radius:.8rem;background:var(--card)}
article:target{border-color:var(--accent)}
h3{margin:0;font-size:1.1rem}h4{margin:1.3rem 0 .4rem;font-size:.8rem;color:var(--soft)}
.path{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center;margin:.5rem 0}
.key{margin-left:auto;padding:.05rem .55rem;border:1px solid var(--line);border-radius:1rem;
font-size:.75rem;color:var(--soft)}
.method{flex:none;min-width:3.1rem;font:600 .72rem/1.6 ui-monospace,SFMono-Regular,Menlo,monospace;
text-transform:uppercase}
.get{color:var(--get)}.post{color:var(--post)}.delete{color:var(--delete)}
.put,.patch{color:var(--put)}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.86em}
p code,td code,summary code,.answer code{padding:.1em .35em;border-radius:.3em;
background:var(--code);overflow-wrap:anywhere}
pre{margin:0;padding:1rem;border-radius:.6rem;background:var(--code);overflow-x:auto}
.code{position:relative}.copy{position:absolute;top:.5rem;right:.5rem;padding:.15rem .6rem;
border:1px solid var(--line);border-radius:.4rem;background:var(--card);color:var(--soft);
font:inherit;font-size:.78rem;cursor:pointer}
table{width:100%;border-collapse:collapse;font-size:.9rem}
td{padding:.45rem .6rem .45rem 0;border-top:1px solid var(--line);vertical-align:top}
td:first-child{width:34%}.type{width:18%;color:var(--soft)}
.must{margin-left:.5rem;font-size:.72rem;color:var(--bad)}
.answer,summary{display:flex;gap:.8rem;padding:.3rem 0;font-size:.9rem}
summary{cursor:pointer}
summary::after{content:"example";
margin-left:auto;color:var(--accent)}details pre{margin:.3rem 0 .8rem}
.status{flex:none;font:600 .85rem/1.6 ui-monospace,SFMono-Regular,Menlo,monospace}
.good{color:var(--good)}.bad{color:var(--bad)}
@media(max-width:56rem){body{display:block}nav{position:static;height:auto;border-right:0;
border-bottom:1px solid var(--line)}main{padding-top:1.5rem}.type{width:auto}}
`;

export const referenceScript = `
const filter = document.getElementById('filter');
filter.addEventListener('input', () => {
  const wanted = filter.value.trim().toLowerCase();
  for (const item of document.querySelectorAll('nav li[data-search]'))
    item.hidden = !item.dataset.search.includes(wanted);
});
for (const button of document.querySelectorAll('.copy'))
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.nextElementSibling.textContent);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });
`;
