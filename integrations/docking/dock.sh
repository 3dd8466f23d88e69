#!/bin/sh
# Draws molecules, filters them, prepares them with Meeko and docks them with AutoDock Vina. README.md beside this file tells what it needs.
set -eu

usage() {
  cat <<'TEXT'
Usage: dock.sh [--count N] [--seed N] [--out FOLDER] [--receptor FILE.pdbqt --box FILE] [--exhaustiveness N] [--cpu N]

  --count           molecules to draw (default 50)
  --seed            the same seed gives the same molecules and the same docking (default 1)
  --out             folder for all files (default docking); what is there already is not drawn again
  --receptor        a receptor as PDBQT (default: Abl kinase, which Debian's autodock-vina brings as its example)
  --box             a file of Vina's with center_x ... size_z (default: the example's, around imatinib's site)
  --exhaustiveness  of Vina's search (default 4)
  --cpu             cores for Vina (default: all)
TEXT
}

count=50 seed=1 out=docking receptor= box= exhaustiveness=4 cpu=0
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage && exit 0 ;;
    --count | --seed | --out | --receptor | --box | --exhaustiveness | --cpu)
      [ $# -ge 2 ] || { echo "dock.sh: $1 must have a value" >&2 && exit 2; }
      name=${1#--}
      eval "$name=\$2"
      shift 2
      ;;
    *) echo "dock.sh: the option must be one of --help's; got $1" >&2 && exit 2 ;;
  esac
done
if [ -n "$receptor$box" ] && { [ -z "$receptor" ] || [ -z "$box" ]; }; then
  echo "dock.sh: --receptor and --box must be given together" >&2
  exit 2
fi

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
for module in rdkit meeko; do
  "$python" -c "import $module" 2>/dev/null || { echo "dock.sh: $python must have $module: pip install meeko rdkit (PYTHON names another)" >&2 && exit 1; }
done
command -v vina >/dev/null || { echo "dock.sh: vina must be there: apt-get install autodock-vina" >&2 && exit 1; }
if command -v deno >/dev/null; then deno=deno; else deno="npx --yes deno@2.9.6"; fi
mkdir -p "$out"
out=$(cd "$out" && pwd)

# 1. Molecules: chunks of 25 in $out/molecules, which a second call finds.
(cd "$here/../.." && $deno task generate --count "$count" --steps 16 --seed "$seed" --heavy-atoms 8-9 --unique inchikey \
  --split 25 --format sdf.gz --out "$out/molecules")

# 2. Those that are worth docking, in one file.
"$python" "$here/molecules.py" filter "$out/molecules" "$out/kept.sdf"

# 3. A PDBQT file each, called as the molecule is. Rings of seven and more stay closed: Meeko would open them for Vina, whose score has then what
# it takes to close them, some -4.5 kcal/mol.
rm -rf "$out/ligands" "$out/poses"
mkdir "$out/ligands" "$out/poses"
meeko=$(dirname "$("$python" -c 'import sys; print(sys.executable)')")/mk_prepare_ligand.py
[ -f "$meeko" ] || meeko=$(command -v mk_prepare_ligand.py || command -v mk_prepare_ligand)
"$python" "$meeko" -i "$out/kept.sdf" --multimol_outdir "$out/ligands" --rigid_macrocycles >"$out/meeko.log" 2>&1 || { cat "$out/meeko.log" >&2 && exit 1; }

# 4. The receptor. Slim images of Debian leave out /usr/share/doc: then the package itself has it.
example=/usr/share/doc/autodock-vina/test-data
if [ -z "$receptor" ]; then
  if [ ! -f $example/protein.pdbqt.gz ]; then
    (cd "$out" && apt-get download autodock-vina && dpkg-deb -x autodock-vina_*.deb package)
    example=$out/package$example
  fi
  receptor=$out/receptor.pdbqt box=$out/box.txt
  gunzip -c $example/protein.pdbqt.gz >"$receptor"
  grep -E '^(center|size)_[xyz]' $example/conf.txt >"$box"
fi

# 5. Docking, and the best.
vina --receptor "$receptor" --config "$box" --batch "$out"/ligands/*.pdbqt --dir "$out/poses" --seed "$seed" \
  --exhaustiveness "$exhaustiveness" --cpu "$cpu" --num_modes 1 --verbosity 0
"$python" "$here/molecules.py" table "$out/kept.sdf" "$out/poses" "$out/scores.csv"
