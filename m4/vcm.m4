dnl SPDX-License-Identifier: BSD-3-Clause
dnl What configure.ac says in one line each.

dnl VCM_NEED_PKG(VARIABLE, MODULE, DEBIAN-PACKAGE): VARIABLE_CFLAGS and VARIABLE_LIBS, or an error that helps.
AC_DEFUN([VCM_NEED_PKG], [
	PKG_CHECK_MODULES([$1], [$2], [],
		[AC_MSG_ERROR([$2 is missing (Debian: apt-get install $3)])])
])

dnl VCM_NEED_HEADER(HEADER, DEBIAN-PACKAGE)
AC_DEFUN([VCM_NEED_HEADER], [
	AC_CHECK_HEADER([$1], [],
		[AC_MSG_ERROR([<$1> is missing (Debian: apt-get install $2)])])
])

dnl VCM_NEED_PROG(VARIABLE, PROGRAM, DEBIAN-PACKAGE)
AC_DEFUN([VCM_NEED_PROG], [
	AC_ARG_VAR([$1], [the $2 program])
	AC_PATH_PROG([$1], [$2])
	AS_IF([test -z "$$1"],
		[AC_MSG_ERROR([$2 is missing (Debian: apt-get install $3)])])
])

dnl VCM_DIR(NAME, DEFAULT, WHAT): NAME for the makefiles and --with-NAME to change it.
AC_DEFUN([VCM_DIR], [
	AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=DIR], [where $3 go @<:@$2@:>@])],
		[$1=$withval], [$1='$2'])
	AC_SUBST([$1])
])

dnl WARN_CFLAGS. What a compiler does not know is left out.
AC_DEFUN([VCM_WARNINGS], [
	WARN_CFLAGS=
	AX_APPEND_COMPILE_FLAGS([ \
		-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
		-Wmissing-declarations -Wold-style-definition -Wredundant-decls \
		-Wnested-externs -Wformat=2 -Wundef -Wvla -Wwrite-strings \
		-Wpointer-arith -Wcast-qual -Winit-self -Wimplicit-fallthrough \
		-Wlogical-op -Wduplicated-cond -Wduplicated-branches \
		-Wno-missing-field-initializers], [WARN_CFLAGS], [-Werror])
	AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
	AC_SUBST([WARN_CFLAGS])
])

dnl INSTRUMENT_CFLAGS, INSTRUMENT_LDFLAGS: sanitizers, fuzzers, coverage. DEFS_LDFLAGS: a shared library names all that it
dnl needs, unless it is instrumented: clang leaves the sanitizers' symbols to the program.
AC_DEFUN([VCM_INSTRUMENT], [
	INSTRUMENT_CFLAGS=
	INSTRUMENT_LDFLAGS=
	DEFS_LDFLAGS="-Wl,-z,defs"
	AS_IF([test "x$enable_sanitizers" = xyes], [
		INSTRUMENT_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
		INSTRUMENT_LDFLAGS="-fsanitize=address,undefined"
	])
	AS_IF([test "x$enable_fuzzers" = xyes], [
		INSTRUMENT_CFLAGS="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
		INSTRUMENT_LDFLAGS="-fsanitize=address,undefined"
	])
	AS_IF([test "x$enable_coverage" = xyes], [
		INSTRUMENT_CFLAGS="$INSTRUMENT_CFLAGS --coverage"
		INSTRUMENT_LDFLAGS="$INSTRUMENT_LDFLAGS --coverage"
	])
	AS_IF([test -n "$INSTRUMENT_CFLAGS"], [
		DEFS_LDFLAGS=
		AC_MSG_CHECKING([whether $CC takes $INSTRUMENT_CFLAGS])
		vcm_save_CFLAGS=$CFLAGS
		vcm_save_LDFLAGS=$LDFLAGS
		CFLAGS="$CFLAGS $INSTRUMENT_CFLAGS"
		LDFLAGS="$LDFLAGS $INSTRUMENT_LDFLAGS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])], [
			AC_MSG_RESULT([no])
			AC_MSG_ERROR([this compiler cannot (fuzzers need CC=clang; Debian: apt-get install clang libclang-rt-14-dev)])
		])
		CFLAGS=$vcm_save_CFLAGS
		LDFLAGS=$vcm_save_LDFLAGS
	])
	AC_SUBST([INSTRUMENT_CFLAGS])
	AC_SUBST([INSTRUMENT_LDFLAGS])
	AC_SUBST([DEFS_LDFLAGS])
])

dnl HARDEN_CPPFLAGS, HARDEN_CFLAGS, HARDEN_LDFLAGS for all; PIE_LDFLAGS for programs.
AC_DEFUN([VCM_HARDEN], [
	HARDEN_CPPFLAGS=
	HARDEN_CFLAGS=
	HARDEN_LDFLAGS=
	PIE_LDFLAGS=
	AX_APPEND_COMPILE_FLAGS([-fstack-protector-strong -fstack-clash-protection -fno-strict-aliasing], [HARDEN_CFLAGS], [-Werror])
	AX_APPEND_LINK_FLAGS([-Wl,-z,relro -Wl,-z,now], [HARDEN_LDFLAGS])
	AX_APPEND_COMPILE_FLAGS([-fPIE], [HARDEN_CFLAGS], [-Werror])
	AX_APPEND_LINK_FLAGS([-pie], [PIE_LDFLAGS])
	AS_IF([test "x$enable_sanitizers" != xyes && test "x$enable_fuzzers" != xyes], [
		AC_MSG_CHECKING([whether _FORTIFY_SOURCE is of use])
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
			#if !defined(__OPTIMIZE__) || defined(_FORTIFY_SOURCE)
			#error no
			#endif]])],
			[AC_MSG_RESULT([yes]); HARDEN_CPPFLAGS="-D_FORTIFY_SOURCE=2"],
			[AC_MSG_RESULT([no])])
	])
	AC_SUBST([HARDEN_CPPFLAGS])
	AC_SUBST([HARDEN_CFLAGS])
	AC_SUBST([HARDEN_LDFLAGS])
	AC_SUBST([PIE_LDFLAGS])
])

dnl LTO_CFLAGS for the daemon's rooms, LTO_LDFLAGS for the daemon, NO_LTO_LDFLAGS and NO_LTO_LDFLAGS_SHARED (for libtool) for all
dnl others, which link the same archives as ever. Empty where the compiler cannot leave both in an object, or is to instrument it.
AC_DEFUN([VCM_LTO], [
	LTO_CFLAGS=
	LTO_LDFLAGS=
	NO_LTO_LDFLAGS=
	NO_LTO_LDFLAGS_SHARED=
	dnl Who asks for it in CFLAGS has it everywhere, and every link reads what that leaves.
	AS_CASE([" $CFLAGS"], [*" -flto"*], [enable_lto=no])
	AS_IF([test "x$enable_lto" != xno && test -z "$INSTRUMENT_CFLAGS"], [
		AC_MSG_CHECKING([whether $CC optimizes what is linked, too])
		vcm_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror -flto=auto -ffat-lto-objects"
		AC_LINK_IFELSE([AC_LANG_PROGRAM()], [
			AC_MSG_RESULT([yes])
			LTO_CFLAGS="-flto=auto -ffat-lto-objects"
			LTO_LDFLAGS="-flto=auto"
			NO_LTO_LDFLAGS="-fno-lto"
			NO_LTO_LDFLAGS_SHARED="-Wc,-fno-lto"
		], [AC_MSG_RESULT([no])])
		CFLAGS=$vcm_save_CFLAGS
	])
	AC_SUBST([LTO_CFLAGS])
	AC_SUBST([LTO_LDFLAGS])
	AC_SUBST([NO_LTO_LDFLAGS])
	AC_SUBST([NO_LTO_LDFLAGS_SHARED])
])

dnl SECCOMP_LIBS and VCM_SECCOMP, unless it was switched off or cannot be. Looked for in vain: an error, but in a cross build.
AC_DEFUN([VCM_CONFINE], [
	AS_IF([test "x$enable_sanitizers" = xyes || test "x$enable_fuzzers" = xyes ||
		test "x$enable_coverage" = xyes], [enable_seccomp=no])
	AS_IF([test "x$enable_seccomp" != xno], [
		PKG_CHECK_MODULES([SECCOMP], [libseccomp >= 2.5], [enable_seccomp=yes], [
			AS_IF([test "x$enable_seccomp" = xyes || test "x$cross_compiling" != xyes],
				[AC_MSG_ERROR([libseccomp >= 2.5 is missing (Debian: apt-get install libseccomp-dev; or --disable-seccomp)])])
			enable_seccomp=no])])
	AS_IF([test "x$enable_seccomp" = xyes],
		[AC_DEFINE([VCM_SECCOMP], [1], [The daemon confines itself to the system calls it needs.])])
])
