#
inherit= "armv8m-main"
 cpan-base perlnative

