# Builds a project that has Elman inside, and runs it. usage: fetch_content.sh SOURCE BUILD COMPILER
set -eu
source=$1 compiler=$3
cmake -S "$source/tests/consumer/fetch_content" -B cmake -G Ninja -DCMAKE_C_COMPILER="$compiler" \
    -DELMAN_CHECKOUT="$source" >cmake.log || { cat cmake.log; exit 1; }
cmake --build cmake >build.log || { tail -50 build.log; exit 1; }
cmake/with_elman
cmake/with_elman_static
