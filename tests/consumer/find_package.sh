# Installs into a folder here, then builds against it through CMake and through pkg-config.
# usage: find_package.sh SOURCE BUILD COMPILER [FLAGS]
set -eu
source=$1 build=$2 compiler=$3 flags=${4-}
prefix=$PWD/prefix

cmake --install "$build" --prefix "$prefix" >install.log || { cat install.log; exit 1; }
# The package must not depend on where it was installed first.
mv "$prefix" "$prefix-moved"
prefix=$prefix-moved

# What the command wrote about itself came along.
if [ -x "$prefix/bin/elman" ]; then
    "$prefix/bin/elman" --version
    for file in man/man1/elman.1 bash-completion/completions/elman zsh/site-functions/_elman \
        fish/vendor_completions.d/elman.fish; do
        [ -s "$prefix/share/$file" ] || { echo "share/$file is missing or empty"; exit 1; }
    done
fi

cmake -S "$source/tests/consumer/find_package" -B cmake -G Ninja -DCMAKE_C_COMPILER="$compiler" \
    -DCMAKE_C_FLAGS="$flags" -DCMAKE_PREFIX_PATH="$prefix" >cmake.log || { cat cmake.log; exit 1; }
cmake --build cmake
cmake/with_elman
cmake/with_elman_static

pc=$(find "$prefix" -name elman.pc)
PKG_CONFIG_PATH=${pc%/elman.pc}
export PKG_CONFIG_PATH
library_folder=$(pkg-config --variable=libdir elman)
# shellcheck disable=SC2046,SC2086  # flags are lists of words
{
    $compiler $flags -o shared "$source/tests/consumer/main.c" $(pkg-config --cflags --libs elman)
    $compiler $flags -o static "$source/tests/consumer/main.c" \
        $(pkg-config --static --cflags --libs elman | sed 's/-lelman/-l:libelman.a/')
}
LD_LIBRARY_PATH=$library_folder ./shared
./static
